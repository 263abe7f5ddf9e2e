"""The wheel holds all that the program reads and nothing else, and its words about itself are complete."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
LARGEST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


def test_every_file_of_the_package_is_in_it_and_no_other(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (file for file in SOURCE.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    assert held == {file.relative_to(SOURCE).as_posix() for file in files}
    kinds = {Path(name).suffix or Path(name).name for name in held}
    assert {".py", ".html", ".css", ".js", ".yaml", ".typed"} <= kinds | {".typed"}
    assert "groupwise/py.typed" in held


def test_it_is_small(wheel):
    assert wheel.stat().st_size <= LARGEST_BYTES


def test_it_says_its_licence_its_readme_and_its_command(wheel):
    held = zipfile.ZipFile(wheel)
    (info,) = [name.rpartition("/")[0] for name in held.namelist() if name.endswith("/METADATA")]
    said = Parser().parsestr(held.read(f"{info}/METADATA").decode())
    assert said["License-Expression"] == "Apache-2.0"
    assert f"{info}/licenses/LICENSE" in held.namelist()
    assert said["Description-Content-Type"] == "text/markdown"
    assert said.get_payload().startswith("# Groupwise")
    assert "groupwise = groupwise.cli.main:main" in held.read(f"{info}/entry_points.txt").decode()
