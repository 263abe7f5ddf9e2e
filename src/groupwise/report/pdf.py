"""A page as PDF, printed by a Chromium without a window; the style sheet of the page says how it prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from groupwise.errors import GroupwiseError

VARIABLE = "CHROME_PATH"  # as in Lighthouse and Karma
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge"),
    *("msedge", "brave-browser"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
LONGEST_S = 180.0
BY_HAND = "open the page in any browser and print it into a file"


def find_browser() -> str:
    """The program to print with: `CHROME_PATH`, or the first that is installed; GroupwiseError for none."""
    named = os.environ.get(VARIABLE)
    if named and shutil.which(named) is None:
        raise GroupwiseError(
            f"no such program: {named}", place=VARIABLE, remedy=f"Correct the variable, or {BY_HAND}."
        )
    for name in (named,) if named else BROWSERS:
        if found := shutil.which(name):
            return found
    raise GroupwiseError(
        "no Chromium, Chrome or Edge was found to print with",
        place="--pdf",
        remedy=f"Install one, name its program in {VARIABLE}, or {BY_HAND}.",
    )


def write_pdf(page: Path, target: Path) -> None:
    """Print the page `page` into `target`; raises GroupwiseError where the browser does not."""
    browser = find_browser()
    target.parent.mkdir(parents=True, exist_ok=True)
    # A profile of its own keeps it apart from a browser that is open, and leaves nothing behind.
    with tempfile.TemporaryDirectory() as profile:
        printed = Path(profile) / "page.pdf"
        words = [browser, "--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            words.append("--no-sandbox")  # it refuses to start as root otherwise, as in containers
        words += ["--no-pdf-header-footer", f"--print-to-pdf={printed}", page.resolve().as_uri()]
        try:
            done = subprocess.run(words, capture_output=True, timeout=LONGEST_S, check=False)
            told = done.stderr.decode(errors="replace").strip().splitlines()
        except subprocess.TimeoutExpired:
            told = [f"it took more than {LONGEST_S:.0f} s"]
        except OSError as error:
            told = [str(error)]
        if not printed.is_file() or not printed.stat().st_size:
            why = told[-1] if told else "it says nothing"
            raise GroupwiseError(
                f"{browser} printed no page ({why})",
                place=target,
                remedy=f"Name another browser in {VARIABLE}, or {BY_HAND}.",
            )
        shutil.copyfile(printed, target)
