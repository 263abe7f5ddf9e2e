"""The page of the public names, as `make api` writes it."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import groupwise

PROGRAM = Path(__file__).parents[1] / "docs/build_api.py"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    subprocess.run([sys.executable, str(PROGRAM), str(folder)], check=True, capture_output=True)
    return (folder / "groupwise.html").read_text()


@pytest.mark.parametrize("name", groupwise.__all__)
def test_every_public_name_is_there_with_its_promise(page, name):
    assert f'id="{name}"' in page
    promise = inspect.getdoc(getattr(groupwise, name)).splitlines()[0]
    words = re.findall(r"[A-Za-z]{4,}", promise)
    text = re.sub(r"<[^>]+>", " ", page)
    assert words
    assert all(word in text for word in words)


def test_what_is_not_public_is_not_there(page):
    assert "make_plan" not in page
