"""The kept words of made scenes: used where they are whole and of this code, and else learnt anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from groupwise.audit import kept_words
from groupwise.audit.copies.vocabulary import Vocabulary, made_vocabulary
from groupwise.audit.kept_words import FILE, kept_vocabulary
from groupwise.audit.sealed import cache_folder, read_sealed, write_sealed


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the words of made scenes stand, which an audit has left there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept_vocabulary()
    return cache_folder() / FILE


def _refuse() -> Vocabulary:
    raise AssertionError("learnt anew")


def _same(one: Vocabulary, other: Vocabulary) -> bool:
    return (
        one.branches.tobytes() == other.branches.tobytes() and one.leaves.tobytes() == other.leaves.tobytes()
    )


def test_kept_words_are_those_that_would_be_learnt_to_the_bit(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt = made_vocabulary()
    monkeypatch.setattr(kept_words, "made_vocabulary", _refuse)
    assert _same(kept_vocabulary(), learnt)
    assert file.parent.stat().st_mode & 0o077 == 0


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _seal_other_content(file: Path) -> None:
    assert write_sealed(file, b"whole, and no tensors")


def _remove(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("spoil", [_flip, _cut, _empty, _seal_other_content, _remove])
def test_damaged_words_are_learnt_anew_and_mended(file: Path, spoil: Callable[[Path], None]) -> None:
    whole = file.read_bytes()
    spoil(file)
    assert _same(kept_vocabulary(), made_vocabulary())
    assert file.read_bytes() == whole


def test_words_of_other_code_or_of_another_user_are_not_used(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Vocabulary(np.zeros((2, 128), np.float32), np.zeros((2, 2, 128), np.float32))
    with monkeypatch.context() as older:
        older.setattr(kept_words, "_made_by", lambda: b"an older version")
        older.setattr(kept_words, "made_vocabulary", lambda: other)
        assert _same(kept_vocabulary(), other)
        older.setattr(kept_words, "made_vocabulary", _refuse)
        assert _same(kept_vocabulary(), other)  # as that version would
    assert _same(kept_vocabulary(), made_vocabulary())
    with monkeypatch.context() as another:
        another.setattr("os.getuid", lambda: file.stat().st_uid + 1)
        with pytest.raises(ValueError, match="not this user's"):
            read_sealed(file)
        assert _same(kept_vocabulary(), made_vocabulary())


def test_where_nothing_can_be_kept_the_words_are_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert _same(kept_vocabulary(), made_vocabulary())
