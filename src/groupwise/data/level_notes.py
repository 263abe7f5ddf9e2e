"""What is said of the scale of deep pictures before anything is trained on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from groupwise.data.levels import Depth, choose_range, is_narrow, is_nearly_black, say_value
from groupwise.data.pixel_reading import Range, Reading
from groupwise.text import count


def note_rule(deep: Mapping[str, Depth], reading: Reading) -> list[str]:
    """Say before anything is trained what becomes black and white, and which pictures come out nearly black.

    `deep` are the deep pictures by their paths, and `reading` is settled.
    """
    notes, ruled = [], defaultdict[str, list[str]](list)
    banded = [path for path, depth in deep.items() if depth.bands]
    if banded and reading.channel_ranges:
        notes.append(_note_channels(banded, reading.channel_ranges))
    deep = {path: depth for path, depth in deep.items() if not depth.bands}
    for path, depth in deep.items():
        declares = depth.declared is not None and reading.trust_declared
        ruled["declared" if declares else depth.kind].append(path)
    if paths := ruled["declared"]:
        notes.append(f"{_count(paths)} of more than 8 bits declare their own depth, and are read by it.")
    for kind, rule in (("integer", reading.integer_range), ("float", reading.float_range)):
        if (paths := ruled[kind]) and rule is not None:
            words = "of more than 8 bits" if kind == "integer" else "of floating-point values"
            notes.append(
                f"{_count(paths)} {words}: in all of them alike {say_value(rule[0])} becomes black and"
                f" {say_value(rule[1])} white{_say_bits(rule)}. Another range: --data.{kind}_range"
                f" '[{say_value(rule[0])}, {say_value(rule[1])}]'."
            )
    scales = {path: choose_range(one, reading, path) for path, one in deep.items()}
    dark = [path for path, one in deep.items() if is_nearly_black(one, scales[path])]
    if dark:
        one = deep[dark[0]]
        white = say_value(scales[dark[0]][1])
        notes.append(
            f"{_count(dark)} come out nearly black, such as {dark[0]}: 99 of 100 of its values are at most"
            f" {say_value(one.bright)}, of {white} for white. If they are of"
            " another depth than the rest, they do not belong into one set; else give the range, and add"
            " --data.trust_declared false where a file declares another."
        )
    lit = deep.keys() - set(dark)
    grey = [path for path, one in deep.items() if path in lit and is_narrow(one, scales[path])]
    if len(grey) > len(deep) / 2:  # one of little contrast is as it is; most of them are on another scale
        one, scale = deep[grey[0]], scales[grey[0]]
        notes.append(
            f"{_count(grey)} of {len(deep):,} come out in shades of one grey, such as {grey[0]}: its values"
            f" are {say_value(one.low)} to {say_value(one.high)}, of {say_value(scale[0])} for black and"
            f" {say_value(scale[1])} for white. Give the range, and add --data.trust_declared false where the"
            " files declare another."
        )
    return notes


def _note_channels(paths: Sequence[str], ranges: Sequence[Range]) -> str:
    said = ", ".join(
        f"{say_value(black)} to {say_value(white)} of input {number}"
        for number, (black, white) in enumerate(ranges, start=1)
    )
    return (
        f"{_count(paths)} of {len(ranges)} inputs of more than 8 bits: in all of them alike black to white is"
        f" {said}. Others: --data.channel_ranges."
    )


def _count(paths: Sequence[str]) -> str:
    return count(len(paths), "picture")


def _say_bits(rule: Range) -> str:
    bits = int(rule[1] + 1).bit_length() - 1
    is_whole = rule[0] == 0 and rule[1] + 1 == 2**bits and bits > 1
    return f", the {bits} bits that they use" if is_whole else ""
