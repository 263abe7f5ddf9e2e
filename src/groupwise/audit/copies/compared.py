"""What pairs of photographs showed, kept from search to search, and draws that new files hardly change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.score import score
from groupwise.audit.copies.verify import Pair
from groupwise.files import sha256_bytes

Key = tuple[str, str, str]
"""The names of two photographs, and how one was laid on the other: "plain", "mirrored" or "turned 0" to 7."""

NOTHING: Mapping[Key, Evidence | None] = MappingProxyType({})


class Compared:
    """The evidence of pairs by the names of their photographs.

    `names` (N): what a photograph is called wherever it occurs, so equal names are equal pixels. `earlier`
    holds what another search saw, None where nothing aligned a pair; `pairs` what this one asked for, if
    `record`.
    """

    def __init__(
        self,
        names: Sequence[str],
        earlier: Mapping[Key, Evidence | None] = NOTHING,
        *,
        record: bool = False,
    ) -> None:
        self.names = tuple(names)
        self.pairs: dict[Key, Evidence | None] = {}
        self._earlier, self._record = earlier, record

    def pair(self, key: Key, place: tuple[int, int], compare: Callable[[], Pair | None]) -> Pair | None:
        """The pair of the photographs of these numbers: as it is known by its `key`, or as compared now."""
        if key in self._earlier:
            evidence = self._earlier[key]
        else:
            found = compare()
            evidence = found.evidence if found else None
        if self._record:
            self.pairs[key] = evidence
        return None if evidence is None else Pair(*place, evidence, score(evidence))


def draw(names: Sequence[str], count: int, seed: int) -> list[int]:
    """The places of `count` of the names, by the digest of `seed` and name.

    Of a set that has gained some names, all but about as many of the drawn ones are the same.
    """
    ranks = [sha256_bytes(f"{seed} {name}".encode()) for name in names]
    return sorted(range(len(names)), key=lambda place: (ranks[place], place))[:count]
