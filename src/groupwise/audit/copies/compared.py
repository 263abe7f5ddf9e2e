"""What pairs of photographs showed, kept from search to search, and draws that new files hardly change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.comparing import Compare
from groupwise.audit.copies.score import score
from groupwise.audit.copies.verify import Look, Pair
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

    def pairs_of(self, looks: Sequence[Look], names: Sequence[str], compare: Compare) -> list[Pair | None]:
        """What is known of each pair of these `names`, in order; `compare` sees those of which nothing is."""
        keys = [(names[look.first], names[look.second], look.way) for look in looks]
        unknown = {key: look for key, look in zip(keys, looks, strict=True) if key not in self._earlier}
        fresh = dict(zip(unknown, compare(list(unknown.values())), strict=True))
        seen = [fresh[key] if key in fresh else self._earlier[key] for key in keys]
        if self._record:
            self.pairs.update(zip(keys, seen, strict=True))
        return [
            None if one is None else Pair(look.first, look.second, one, score(one))
            for look, one in zip(looks, seen, strict=True)
        ]


def draw(names: Sequence[str], count: int, seed: int) -> list[int]:
    """The places of `count` of the names, by the digest of `seed` and name.

    Of a set that has gained some names, all but about as many of the drawn ones are the same.
    """
    ranks = [sha256_bytes(f"{seed} {name}".encode()) for name in names]
    return sorted(range(len(names)), key=lambda place: (ranks[place], place))[:count]
