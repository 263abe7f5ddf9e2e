"""Another model for a running server, once there is one where the first came from; no request is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from groupwise.distributed.allocator import give_back_memory
from groupwise.errors import GroupwiseError, first_line
from groupwise.files import sha256_file
from groupwise.inference.bundle import BUNDLE, is_bundle
from groupwise.runs.run import LEDGER
from groupwise.serving.batching import Batcher, Predictor

POLL_S = 1.0


@dataclass(frozen=True)
class Watch:
    """Looks at `folder`, a run or a bundle, and loads anew by `load` what has changed there.

    A model that cannot be loaded, or not yet since its files are still being copied, leaves the one before in
    its place; `say` is told of both, once. `give_back` is called when the model before has left.
    """

    folder: Path
    load: Callable[[], Predictor]
    say: Callable[[str], None]
    poll_s: float = POLL_S
    give_back: Callable[[], None] = give_back_memory

    async def follow(self, batcher: Batcher) -> None:
        """Exchange the model of `batcher` for as long as this is not cancelled."""
        loop = asyncio.get_running_loop()
        known, refused, exchanged = self._state(), "", False
        while True:
            await asyncio.sleep(self.poll_s)
            if exchanged:  # what the model before had to answer is answered
                exchanged = False
                await loop.run_in_executor(None, self.give_back)
            state = self._state()
            if state == known:
                refused = ""
                continue
            try:
                predictor = await loop.run_in_executor(None, self.load)
            except Exception as error:  # of files that others write, anything may be raised
                words = str(error)
                if not isinstance(error, GroupwiseError | OSError):  # alone it may be no more than a key
                    words = f"{type(error).__name__}: {first_line(error)}"
                if words != refused:
                    refused = words
                    self.say(f"The model in use stays, as the one in {self.folder} cannot be taken: {words}")
                continue
            known, refused = state, ""
            if predictor.facts != batcher.predictor.facts:
                batcher.predictor, exchanged = predictor, True
                self.say(f"Answers are now those of the model that lies in {self.folder}.")

    def _state(self) -> str:
        """What changes with the model; empty while a file is being replaced, or the folder is gone."""
        try:
            return sha256_file(self.folder / (BUNDLE if is_bundle(self.folder) else LEDGER))
        except (GroupwiseError, OSError):
            return ""
