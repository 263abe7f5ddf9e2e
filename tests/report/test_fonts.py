"""A name that no font can draw is replaced by one that can be looked up."""

import copy
from dataclasses import replace

from matplotlib.font_manager import FontProperties

from groupwise.report import style as lettering
from groupwise.report.style import drawable, drawable_names, shorten


def test_a_name_without_glyphs_is_called_by_its_place(monkeypatch):
    monkeypatch.setattr(lettering, "font_families", lambda: ("DejaVu Sans",))
    lettering._has_glyph.cache_clear()
    assert drawable_names(["cat", "猴痘", "Größe"]) == {"cat": "cat", "猴痘": "class 2", "Größe": "Größe"}
    lettering._has_glyph.cache_clear()


def test_lines_and_control_characters_become_spaces():
    assert drawable("a\n\tb\x07c", instead="?") == "a b c"
    assert drawable(" \n", instead="?") == "?"


def test_a_long_name_keeps_both_ends():
    assert shorten("monkeypox-on-the-left-hand", 11) == "monke…-hand"
    assert len(shorten("x" * 99, 10)) == 10
    assert shorten("short", 5) == "short"


def test_only_fonts_that_are_installed_are_asked_for():
    installed = {entry.name for entry in lettering.fontManager.ttflist}
    assert set(lettering.font_families()) <= installed
    assert lettering.font_families()[0] == "DejaVu Sans"


def test_a_font_without_a_normal_weight_is_drawn_in_silence(monkeypatch, caplog):
    """As WenQuanYi Zen Hei, whose only weight is 500; matplotlib is heard again afterwards."""
    mine = copy.deepcopy(lettering.fontManager)
    entry = next(entry for entry in mine.ttflist if entry.name == "DejaVu Sans")
    mine.ttflist = [replace(entry, name=lettering.FALLBACKS[1], weight=500), entry]
    monkeypatch.setattr(lettering, "fontManager", mine)
    monkeypatch.setattr("matplotlib.font_manager.fontManager", mine)
    for cached in (lettering.font_families, lettering._has_glyph):
        cached.cache_clear()
    assert lettering.font_families() == ("DejaVu Sans", lettering.FALLBACKS[1])
    assert lettering.drawable("cat", instead="?") == "cat"
    with lettering.style(lettering.LIGHT):
        mine.findfont(FontProperties(family=lettering.FALLBACKS[1]))
    assert not caplog.records
    mine.findfont(FontProperties(family=lettering.FALLBACKS[1], size=11))
    assert "weight" in caplog.text
    for cached in (lettering.font_families, lettering._has_glyph):
        cached.cache_clear()
