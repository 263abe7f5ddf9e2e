import asyncio
import threading

import pytest

from groupwise.serving.batching import MAX_BATCH, Batcher
from groupwise.serving.intake import Refused
from serving_case import FakePredictor, picture


class Held(FakePredictor):
    """Answers nothing until it is told to."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()

    def answer_images(self, images):
        self.go.wait(30)
        return super().answer_images(images)


def test_each_picture_gets_its_own_answer_in_whatever_batch_it_was():
    predictor = FakePredictor()
    levels = [(37 * i) % 256 for i in range(64)]

    async def ask():
        batcher = Batcher(predictor, max_inside=64)
        answers = await asyncio.gather(
            *(batcher.answer(picture(level), heat=level % 3 == 0) for level in levels)
        )
        batcher.close()
        return answers

    for level, answer in zip(levels, asyncio.run(ask()), strict=True):
        assert answer["probabilities"]["light"] == pytest.approx(level / 255, abs=1e-9)
        assert (answer["heat"] is not None) == (level % 3 == 0)
    assert sum(predictor.batches) == 64
    assert max(predictor.batches) <= MAX_BATCH


def test_what_waits_goes_through_together_and_the_rest_is_refused_at_once():
    predictor = Held()

    async def ask():
        batcher = Batcher(predictor, max_inside=4)
        inside = [asyncio.create_task(batcher.answer(picture())) for _ in range(4)]
        await asyncio.sleep(0.2)
        with pytest.raises(Refused, match="4 pictures are waiting already") as caught:
            await batcher.answer(picture())
        assert caught.value.status == 503
        predictor.go.set()
        await asyncio.gather(*inside)
        assert batcher.inside == 0
        await batcher.answer(picture())  # there is room again
        batcher.close()

    asyncio.run(ask())
    assert predictor.batches[-1] == 1
    assert sum(predictor.batches) == 5
    assert len(predictor.batches) <= 3  # what came first, what waited meanwhile, and the last


def test_a_failure_reaches_those_of_its_batch_and_nobody_else():
    class Once(FakePredictor):
        def answer_images(self, images):
            if not self.batches:
                self.batches.append(0)
                raise RuntimeError("out of memory")
            return super().answer_images(images)

    async def ask():
        batcher = Batcher(Once())
        with pytest.raises(RuntimeError, match="out of memory"):
            await batcher.answer(picture())
        assert (await batcher.answer(picture(255)))["label"] == "light"
        assert batcher.inside == 0
        batcher.close()

    asyncio.run(ask())


def test_a_client_that_left_does_not_disturb_its_batch():
    predictor = Held()

    async def ask():
        batcher = Batcher(predictor)
        left, stayed = (asyncio.create_task(batcher.answer(picture(level))) for level in (0, 255))
        await asyncio.sleep(0.2)
        left.cancel()
        predictor.go.set()
        assert (await stayed)["label"] == "light"
        assert batcher.inside == 0
        batcher.close()

    asyncio.run(ask())
