"""Findings about copies: photographs under several labels, and those that a class holds several times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from groupwise.audit import findings as say
from groupwise.audit.copies.clusters import cluster_ids
from groupwise.audit.copies.compare import Evidence
from groupwise.audit.copies.insets import Inset
from groupwise.audit.copies.verify import Pair, draw_pair
from groupwise.audit.exposures import Exposures, look_closely
from groupwise.audit.findings import Finding
from groupwise.audit.joined import MOST_OF_ONE
from groupwise.audit.measure import Measured, load_rgb
from groupwise.data.manifest import Manifest, Sample
from groupwise.data.targets import read_names
from groupwise.stats.arrays import Ints
from groupwise.text import count

Clusters = Ints
Edges = Sequence[tuple[int, int]]

MAX_PICTURES = 40


def judge_exposures(
    manifest: Manifest,
    measured: Sequence[Measured],
    clusters: Clusters,
    pairs: Sequence[Pair],
    *,
    seed: int,
    workers: int,
) -> Exposures:
    """What the clusters (N,) of several images show; those under several labels are looked at first."""
    labels = [sample.label for sample in manifest.usable]
    members = {number: group for number, group in say.group_by(clusters.tolist()).items() if len(group) > 1}
    order = np.random.default_rng(seed).permutation(list(members)).tolist() if members else []
    order.sort(key=lambda number: len({labels[i] for i in members[number]}) < 2)
    return look_closely(
        [members[number] for number in order],
        order,
        pairs,
        [one.exif.taken for one in measured],
        lambda i: cv2.cvtColor(load_rgb(manifest, i), cv2.COLOR_RGB2GRAY),
        [one.photograph.grey.shape for one in measured],
        workers=workers,
    )


def find_copies(
    manifest: Manifest, clusters: Clusters, exact: Edges, pairs: Sequence[Pair], exposures: Exposures
) -> list[Finding]:
    """Photographs or scenes under several labels, and those that a class holds several times.

    `exact` are samples of equal content, `pairs` those that were compared.
    """
    labels = [sample.label for sample in manifest.usable]
    paths = [sample.path for sample in manifest.usable]
    members = say.group_by(clusters.tolist())
    draw = _Illustrator(manifest, clusters, exact, pairs)
    equal = cluster_ids(len(labels), exact).tolist()
    found = []
    for number, whole in members.items():
        group = _contradicting(whole, equal, pairs, labels) if exposures.of(number) == "views" else whole
        if len({labels[i] for i in group}) > 1:
            finding = say.find_conflict(
                [paths[i] for i in group], [labels[i] for i in group], exposures.of(number)
            )
            found.append(draw(finding, group, labels))
    found += _class_findings(paths, labels, list(members.values()), draw, exposures.mostly_copies)
    views = [group for number, group in members.items() if exposures.of(number) == "views"]
    if views:
        finding = tell_views([[paths[i] for i in group] for group in views])
        found.append(draw(finding, max(views, key=len), labels))
    return found


def tell_views(sets: Sequence[Sequence[str]]) -> Finding:
    """Sets whose files overlap from each to the next, so that two of a set may have nothing in common."""
    files, one = sum(map(len, sets)), len(sets) == 1
    largest = max(sets, key=len)
    return Finding(
        "overlapping-views",
        "note",
        f"{files} files are views that overlap in part, in {len(sets)} set{'' if one else 's'}",
        f"They were joined one by one, each by a part that it shares with the next, as stretches of one strip"
        f", cuts of one map or frames of a moving camera do. Two files of a set may show nothing in common;"
        f" the largest, around {largest[0]}, holds {len(largest)}. A set counts as one scene.",
        "Nothing to do for a fair score: a set stays in one fold, for what two files share would stand in"
        " training and test alike.",
        tuple(path for group in sets for path in group),
    )


def find_insets(manifest: Manifest, insets: Sequence[Inset]) -> Finding:
    """Pictures that show another file inside, with the surest pair drawn.

    `paths` of the finding are pairs, first what is inside, then what is around it.
    """
    samples = manifest.usable
    torn = sum(samples[one.inside].label != samples[one.around].label for one in insets)
    surest = max(insets, key=lambda one: one.pair.score)
    inside, around = (samples[i].path for i in (surest.inside, surest.around))
    pairs = count(len(insets), "pair")
    finding = Finding(
        "insets",
        "warning" if torn else "note",
        f"{pairs} of files where one is shown inside the other",
        "As in a collage, on a page or in a screenshot, a picture breaks off along straight sides within the"
        f" larger one: {inside} inside {around}, for example. Such a pair stays in one fold and is not"
        f" called one photograph; {torn or 'none'} of them stand{'s' if torn == 1 else ''} under two labels.",
        "Look at them in `choose.html`. A page or collage is seldom what its label says: leave it out with"
        " `--exclude`, or cut out the picture that is meant.",
        tuple(samples[i].path for one in insets for i in (one.inside, one.around)),
    )
    return _illustrate(finding, manifest, surest.pair)


def find_parted(manifest: Manifest, pairs: Sequence[Pair], *, crowded: bool) -> Finding:
    """Pictures that are one another but for a part, the surest first and drawn; `crowded` ones stay apart."""
    samples = manifest.usable
    torn = sum(samples[pair.first].label != samples[pair.second].label for pair in pairs)
    surest = sorted(pairs, key=lambda pair: pair.evidence.hole)
    paths = [samples[i].path for pair in surest for i in (pair.first, pair.second)]
    return _illustrate((tell_crowds if crowded else tell_parted)(paths, torn), manifest, surest[0])


def tell_parted(paths: Sequence[str], torn: int) -> Finding:
    """Pairs that were bound, one after the other; `torn` of them stand under two labels."""
    return Finding(
        "parted",
        "note",
        f"{count(len(paths) // 2, 'pair')} of files that are one picture but for a part",
        "Around it all agrees as copies do: something was pasted over, painted out or moved, as in"
        f" {paths[0]} and {paths[1]}. Such a pair stays in one fold and is not called one photograph;"
        f" {torn or 'none'} of them stand{'s' if torn == 1 else ''} under two labels.",
        "Nothing to do for a fair score.",
        tuple(paths),
    )


def tell_crowds(paths: Sequence[str], torn: int) -> Finding:
    """Pairs that were left apart because they would join too many pictures."""
    return Finding(
        "parted-crowds",
        "warning",
        f"{count(len(paths) // 2, 'pair')} of files in large sets that are one picture but for a part",
        f"Around it all agrees as copies do, as in {paths[0]} and {paths[1]}. A camera that stands still"
        f" takes such sets, of more than {MOST_OF_ONE} pictures here, so they are left apart;"
        f" {torn or 'none'} of the pairs stand{'s' if torn == 1 else ''} under two labels.",
        "If pictures were made from one another, or show one thing, say which belong together, with"
        " `--group-column` or `--group-regex`. If each shows another thing, nothing is to be done.",
        tuple(paths),
    )


def find_bridges(manifest: Manifest, bridges: Sequence[Pair]) -> Finding:
    """Pairs that look like copies but were left out, with the surest drawn."""
    paths = [sample.path for sample in manifest.usable]
    finding = say.find_bridges([(paths[pair.first], paths[pair.second]) for pair in bridges])
    return _illustrate(finding, manifest, max(bridges, key=lambda pair: pair.score))


def _illustrate(finding: Finding, manifest: Manifest, pair: Pair) -> Finding:
    """The finding with the two files of a pair drawn."""
    picture = draw_pair(load_rgb(manifest, pair.first), load_rgb(manifest, pair.second), pair)
    return replace(
        finding,
        picture=picture,
        pictured=(manifest.usable[pair.first].path, manifest.usable[pair.second].path),
    )


def _contradicting(
    group: Sequence[int], equal: Sequence[int], pairs: Sequence[Pair], labels: Sequence[str]
) -> list[int]:
    """Those of overlapping views that a part shared with another under another label speaks of.

    Files with the same number in `equal` (N,) share all parts with one another and with what each overlaps.
    """
    files: dict[int, list[int]] = {}
    for i in group:
        files.setdefault(equal[i], []).append(i)
    inside = set(group)
    sharing = [
        *files.values(),
        *(
            files[equal[pair.first]] + files[equal[pair.second]]
            for pair in pairs
            if {pair.first, pair.second} <= inside
        ),
    ]
    return sorted(set().union(*(one for one in sharing if len({labels[i] for i in one}) > 1)))


def find_equal_conflicts(manifest: Manifest) -> list[Finding]:
    """Files of equal content under several labels, which are one photograph however alike all others are."""
    equal: dict[str, list[Sample]] = {}
    for sample in manifest.usable:
        equal.setdefault(sample.sha256 or sample.path, []).append(sample)
    return [
        say.find_conflict([one.path for one in group], [one.label for one in group])
        for group in equal.values()
        if len({one.label for one in group}) > 1
    ]


def _class_findings(
    paths: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[Sequence[int]],
    draw: _Illustrator,
    mostly_copies: bool,
) -> list[Finding]:
    found = []
    names = [set(read_names(label)) for label in labels]
    for label in sorted(set().union(*names)):
        own = [[i for i in group if label in names[i]] for group in groups]
        own = [group for group in own if group]
        copied = sorted((group for group in own if len(group) > 1), key=len, reverse=True)
        if copied:
            named = [[paths[i] for i in group] for group in copied]
            images = sum(map(len, own))
            finding = say.find_copies_in_class(label, named, images, len(own), copies=mostly_copies)
            found.append(draw(finding, copied[0], labels))
        if len(own) < say.FEW_PHOTOGRAPHS:
            found.append(say.find_few_photographs(label, len(own)))
    return found


class _Illustrator:
    """Adds the most telling pair of a cluster to a finding, for the first `MAX_PICTURES` findings."""

    def __init__(self, manifest: Manifest, clusters: Clusters, exact: Edges, pairs: Sequence[Pair]) -> None:
        self._manifest, self._left = manifest, MAX_PICTURES
        self._pairs: dict[int, list[Pair]] = {}
        for pair in (*pairs, *(_equal(first, second) for first, second in exact)):
            self._pairs.setdefault(int(clusters[pair.first]), []).append(pair)
        self._clusters = clusters

    def __call__(self, finding: Finding, group: Sequence[int], labels: Sequence[str]) -> Finding:
        if not self._left:
            return finding
        self._left -= 1
        known = self._pairs.get(int(self._clusters[group[0]]), [])
        inside = [pair for pair in known if {pair.first, pair.second} <= set(group)]
        # A pair under two labels tells the story; of those the surest that is not equal anyway.
        candidates = [pair for pair in inside if labels[pair.first] != labels[pair.second]] or inside
        # Equal files are tied to the first of them, which may stand in another class.
        pair = max(candidates or [_equal(group[0], group[-1])], key=lambda pair: (pair.score < 1, pair.score))
        return _illustrate(finding, self._manifest, pair)


def _equal(first: int, second: int) -> Pair:
    """A pair of equal content, whose map is known."""
    return Pair(first, second, Evidence(1.0, 1.0, 1.0, 0.0, 1.0, np.eye(3)), 1.0)
