"""Pictures to answers: threads decode, and one runs the network on what is waiting."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any, Protocol

import numpy as np

from groupwise.data.decode import Preprocessing, UndecodableImage, decode
from groupwise.data.file_notes import Note, note_shape
from groupwise.inference.cases import join_pictures
from groupwise.inference.decision import Decision
from groupwise.inference.heatmaps import HeatMethod
from groupwise.serving.intake import MAX_PIXELS, Refused, busy
from groupwise.stats.arrays import Pixels, Reals

MAX_BATCH = 8
MAX_INSIDE = 16

UNSUPPORTED = (
    "wrong-content",
    "unsupported-format",
    "heic-unsupported",
    "unknown-depth",
    "several-channels",
    "several-planes",
)


class Predictor(Protocol):
    """What the server needs of a model."""

    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def preprocessing(self) -> Preprocessing: ...
    @property
    def decision(self) -> Decision: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def heat_method(self) -> HeatMethod: ...
    def answer_images(self, images: Pixels) -> Sequence[Any]: ...
    def heat_maps(self, images: Pixels, class_numbers: Sequence[int]) -> Reals: ...


@dataclass(eq=False)
class _Picture:
    predictor: Predictor  # for which it was prepared, though there be another by its turn
    pixels: Pixels
    remarks: tuple[Note, ...]
    heat: bool
    answer: asyncio.Future[dict[str, Any]]


class Batcher:
    """Answers at most `max_inside` pictures at once, and refuses what comes on top.

    Whatever waits when the network is free goes through it together, up to `MAX_BATCH`; nothing waits for
    company. `predictor` may be exchanged at any time; what came before is answered by the one before. To be
    used from one event loop.
    """

    def __init__(self, predictor: Predictor, *, max_inside: int = MAX_INSIDE) -> None:
        self.predictor = predictor
        self.max_inside = max_inside
        self.inside = 0
        self._waiting: list[_Picture] = []
        self._running: asyncio.Task[None] | None = None
        self._decoders = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode")
        self._network = ThreadPoolExecutor(1, thread_name_prefix="network")

    async def answer(
        self, data: bytes, *, heat: bool = False, predictor: Predictor | None = None
    ) -> dict[str, Any]:
        """The answer as JSON, with the heat map of the most probable class where asked for.

        `predictor` is the one of now where none is given.
        Raises `Refused`: 413 (too many pixels), 415 (no image), 422 (damaged), 503 (too many pictures).
        """
        if self.inside >= self.max_inside:
            raise busy(f"{self.inside} pictures are waiting already")
        self.inside += 1
        try:
            loop, predictor = asyncio.get_running_loop(), predictor or self.predictor
            prepare = partial(prepare_picture, data, predictor.preprocessing)
            pixels, remarks = await loop.run_in_executor(self._decoders, prepare)
            picture = _Picture(predictor, pixels, remarks, heat, loop.create_future())
            self._waiting.append(picture)
            if self._running is None:
                self._running = loop.create_task(self._run())
            return await picture.answer
        finally:
            self.inside -= 1

    async def answer_case(self, pictures: Sequence[bytes]) -> dict[str, Any]:
        """One answer to the pictures of a case, and under `answers` that to each, all by one predictor.

        They are answered one after the other, so that a case takes no more room than a picture. Raises
        `Refused` as `answer` does, with the number of the picture.
        """
        predictor, answers = self.predictor, []
        for number, data in enumerate(pictures, 1):
            try:
                answers.append(await self.answer(data, predictor=predictor))
            except Refused as error:
                raise error.of_picture(number, len(pictures)) from None
        probabilities = [one["probabilities"] for one in answers]
        flags = [one["unlike"] for one in answers]
        return {**join_pictures(probabilities, flags, predictor.decision).as_json(), "answers": answers}

    def close(self) -> None:
        """Let the threads go."""
        self._decoders.shutdown()
        self._network.shutdown()

    async def _run(self) -> None:
        """Run the network as long as pictures wait."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._next_batch()
            try:
                answers = await loop.run_in_executor(self._network, _answer, batch)
            except Exception as error:  # each of the batch is told, and the next batch goes on
                for picture in batch:
                    if not picture.answer.done():
                        picture.answer.set_exception(error)
                continue
            for picture, answer in zip(batch, answers, strict=True):
                if not picture.answer.done():  # its request was cancelled
                    picture.answer.set_result(answer)
        self._running = None

    def _next_batch(self) -> list[_Picture]:
        """What has waited longest, prepared for one predictor."""
        first = self._waiting[0].predictor
        batch = list(takewhile(lambda picture: picture.predictor is first, self._waiting[:MAX_BATCH]))
        del self._waiting[: len(batch)]
        return batch


def prepare_picture(data: bytes, preprocessing: Preprocessing) -> tuple[Pixels, tuple[Note, ...]]:
    """The picture as the network wants it, and what was no plain copy of it; raises `Refused`."""
    try:
        decoded = decode(
            data,
            place="picture",
            draft_px=preprocessing.image_size_px,
            max_pixels=MAX_PIXELS,
            reading=preprocessing.reading,
        )
    except UndecodableImage as error:
        status = _status(error.code)
        raise Refused(status, error.fact, remedy=error.remedy, place="picture", code=error.code) from None
    remarks = (*decoded.warnings, *note_shape(decoded.width, decoded.height))
    return preprocessing.resize_image(decoded.pixels), remarks


def _answer(batch: Sequence[_Picture]) -> list[dict[str, Any]]:
    """The answers to pictures that one predictor answers."""
    predictor = batch[0].predictor
    answers = predictor.answer_images(np.stack([picture.pixels for picture in batch]))
    found = [
        {**answer.as_json(), **_notes(picture), "heat": None}
        for answer, picture in zip(answers, batch, strict=True)
    ]
    hot = [i for i, picture in enumerate(batch) if picture.heat]
    if hot:
        numbers = [predictor.classes.index(_most_probable(found[i])) for i in hot]
        maps = predictor.heat_maps(np.stack([batch[i].pixels for i in hot]), numbers)
        for i, heat in zip(hot, maps, strict=True):
            found[i]["heat"] = np.round(heat.astype(float), 4).tolist()
    return found


def _most_probable(answer: Mapping[str, Any]) -> str:
    """The class or label that a heat map is of."""
    probabilities: Mapping[str, float] = answer["probabilities"]
    return max(probabilities, key=probabilities.__getitem__)


def _notes(picture: _Picture) -> dict[str, list[dict[str, str]]]:
    """The remarks by their name; nothing where there are none, as of most pictures."""
    told = [{"code": code, "fact": fact} for code, fact in picture.remarks]
    return {"remarks": told} if told else {}


def _status(code: str) -> int:
    if code in UNSUPPORTED:
        return 415
    return 413 if code == "decompression-bomb" else 422
