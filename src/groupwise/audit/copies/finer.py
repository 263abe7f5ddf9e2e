"""A finer look at pairs that barely pass: do they agree in pictures of twice the working size as well?

At the working size two pictures of few, smooth things may agree wherever they are laid on one another: two
chests, one as the other's mirror image, two bottles. Copies agree at twice the size too, as far as their
files go, and look-alikes do not. Only what was joined by little is read again, so it costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from groupwise.audit.copies.align import enlarging
from groupwise.audit.copies.compare import agreement_of
from groupwise.audit.copies.features import WORKING_AREA_PX
from groupwise.audit.copies.verify import Pair, Photograph
from groupwise.audit.copies.workers import one_thread_a_worker
from groupwise.stats.arrays import Pixels

Load = Callable[[int], Pixels]

DOUBTFUL = 0.75
"""Score below which a pair is looked at again; the false ones known in published sets have 0.51 to 0.69."""

LEAST_AGREEMENT = 0.65
"""Share of the texture that has to agree; of 395 composed copies one had less, and two chests and two bottles
that were taken for copies had 0.30 and 0.56."""

_FINER = 2.0  # times the working size
_LEAST_FINER = 1.5  # times the working size; files of less show nothing new


def keep_agreeing(
    copies: Sequence[Pair], photographs: Sequence[Photograph], load: Load, workers: int
) -> tuple[Pair, ...]:
    """The pairs but for those that finer pictures part; `load` gives (H, W, 3) of a photograph by number."""

    def agrees(pair: Pair) -> bool:
        if pair.score >= DOUBTFUL:
            return True
        agreement = finer_agreement(pair, photographs, load)
        return agreement is None or agreement >= LEAST_AGREEMENT

    with one_thread_a_worker(), ThreadPoolExecutor(workers) as pool:
        return tuple(pair for pair, same in zip(copies, pool.map(agrees, copies), strict=True) if same)


def finer_agreement(pair: Pair, photographs: Sequence[Photograph], load: Load) -> float | None:
    """Share of the texture that agrees in finer pictures; None where a file holds nothing finer."""
    numbers = (pair.first, pair.second)
    if any(photographs[number].enlarged > 1 for number in numbers):
        return None
    first, second = (_finer(load(number)) for number in numbers)
    if min(first.size, second.size) < _LEAST_FINER**2 * WORKING_AREA_PX:
        return None
    to_first, to_second = (
        enlarging(photographs[number].grey.shape, finer.shape)
        for number, finer in zip(numbers, (first, second), strict=True)
    )
    return agreement_of(first, second, to_first @ pair.evidence.matrix @ np.linalg.inv(to_second))


def _finer(rgb: Pixels) -> Pixels:
    """Grey version (h, w) of twice the working size, or of its own where that is less."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    factor = min(1.0, _FINER * (WORKING_AREA_PX / grey.size) ** 0.5)
    size = max(8, round(grey.shape[1] * factor)), max(8, round(grey.shape[0] * factor))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
