import asyncio
import json
from threading import Event

import httpx
import pytest

from groupwise.errors import GroupwiseError
from groupwise.serving.batching import Batcher
from groupwise.serving.watching import Watch
from serving_case import FakePredictor, picture


class Held(FakePredictor):
    """Answers once it may."""

    def __init__(self, *about):
        super().__init__(*about)
        self.may = Event()

    def answer_images(self, images):
        self.may.wait(10)
        return super().answer_images(images)


def named(name, predictor=None):
    predictor = predictor or FakePredictor()
    predictor.facts = {"source": {"run": name}}
    return predictor


class Counted(Watch):
    """Says when it has looked, which on a busy machine may take long."""

    looks = 0

    def _state(self):
        Counted.looks += 1
        return super()._state()

    @staticmethod
    async def look():
        before = Counted.looks
        while Counted.looks == before:
            await asyncio.sleep(0.01)


def write_bundle(folder, content):
    folder.mkdir(exist_ok=True)
    (folder / "bundle.json").write_text(json.dumps(content))
    return folder


def test_what_came_before_is_answered_by_the_model_before():
    old, new = Held(("dark", "light")), FakePredictor(("night", "dusk", "day"), image_size_px=32)

    async def ask():
        batcher = Batcher(old)
        before = [asyncio.create_task(batcher.answer(picture(level))) for level in (0, 255, 255)]
        await asyncio.sleep(0.1)
        batcher.predictor = new
        after = [asyncio.create_task(batcher.answer(picture(255))) for _ in range(2)]
        await asyncio.sleep(0.1)
        old.may.set()
        answers = await asyncio.gather(*before, *after)
        batcher.close()
        return [answer["label"] for answer in answers]

    assert asyncio.run(ask()) == ["dark", "light", "light", "day", "day"]


def test_a_newer_model_is_taken_and_one_that_cannot_be_loaded_leaves_the_one_before(tmp_path):
    folder, said, freed = write_bundle(tmp_path, {"version": 1}), [], []
    first, second = named("first"), named("second")
    loads = iter([GroupwiseError("was changed", place="model.onnx", remedy="Copy it anew.")] * 2 + [second])

    def load():
        found = next(loads)
        if isinstance(found, Exception):
            raise found
        return found

    async def follow():
        batcher = Batcher(first)
        watch = Watch(folder, load, said.append, 0.01, give_back=lambda: freed.append(batcher.predictor))
        task = asyncio.create_task(watch.follow(batcher))
        await asyncio.sleep(0.1)
        assert batcher.predictor is first  # nothing has changed, nothing is loaded
        write_bundle(folder, {"version": 2})
        for _ in range(200):
            await asyncio.sleep(0.01)
            if freed:
                break
        await asyncio.sleep(0.05)
        task.cancel()
        batcher.close()
        assert batcher.predictor is second
        assert freed == [second]  # once, and not while nothing was exchanged

    asyncio.run(follow())
    assert len(said) == 2  # that of the failure only once
    assert "The model in use stays" in said[0]
    assert "was changed" in said[0]
    assert said[1].startswith("Answers are now those of the model that lies in")


@pytest.mark.parametrize("error", [KeyError("model.safetensors"), ValueError("torn"), OSError("no space")])
def test_whatever_goes_wrong_it_goes_on_to_follow(tmp_path, error):
    folder, said = write_bundle(tmp_path / "bundle", {"version": 1}), []
    raised = [GroupwiseError("is missing", place=folder, remedy="Copy it anew.")]
    first, second = named("first"), named("second")

    def load():  # may still run when the folder is back, so what it says does not follow from the folder
        if raised:
            raise raised[0]
        return second

    async def told(words, times=1):
        for _ in range(300):
            await asyncio.sleep(0.01)
            if sum(words in one for one in said) == times:
                break
        await asyncio.sleep(0.05)
        found = [one for one in said if words in one]
        assert len(found) == times  # and no more
        return found[-1]

    async def follow():
        batcher = Batcher(first)
        watch = Counted(folder, load, said.append, 0.01, lambda: None)
        task = asyncio.create_task(watch.follow(batcher))
        await watch.look()
        for times in (1, 2):  # the second time is told as the first was
            folder.rename(tmp_path / "away")
            await told("is missing", times)
            (tmp_path / "away").rename(folder)
            await watch.look()
        raised[:] = [error]
        write_bundle(folder, {"version": 2})
        words = await told(str(error))
        assert words.startswith("The model in use stays")
        assert (type(error).__name__ in words) is not isinstance(error, OSError)
        assert batcher.predictor is first
        raised.clear()
        await told("Answers are now those")
        assert batcher.predictor is second
        task.cancel()
        batcher.close()

    asyncio.run(follow())


def test_the_same_model_written_again_is_not_told_as_another(tmp_path):
    folder, said = write_bundle(tmp_path, {"version": 1}), []
    loaded = Event()

    def load():
        loaded.set()
        return named("first")

    async def follow():
        first = named("first")
        batcher = Batcher(first)
        task = asyncio.create_task(Watch(folder, load, said.append, poll_s=0.01).follow(batcher))
        await asyncio.sleep(0.05)
        write_bundle(folder, {"version": 1, "note": "touched"})
        await asyncio.to_thread(loaded.wait, 5)
        await asyncio.sleep(0.05)
        task.cancel()
        batcher.close()
        assert batcher.predictor is first

    asyncio.run(follow())
    assert not said


def test_a_server_answers_by_the_newer_model(serve, tmp_path):
    folder = write_bundle(tmp_path, {"version": 1})
    watch = Watch(folder, lambda: named("second"), lambda _: None, poll_s=0.02)
    with serve(named("first"), watch=watch) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/v1/model").json()["name"] == "first"
        write_bundle(folder, {"version": 2})
        for _ in range(200):
            assert client.post("/v1/predict", content=picture()).status_code == 200
            if client.get("/v1/model").json()["name"] == "second":
                return
    pytest.fail("the newer model was not taken")
