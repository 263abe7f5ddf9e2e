"""How long a report is, and what a browser and axe find wrong with it, in Chromium.

    npm install --prefix WEB axe-core
    python benchmarks/report_page.py RUN... --axe WEB/node_modules/axe-core/axe.min.js [--pictures FOLDER]

Counted are the screens of 1280 x 800 pixels with every fold closed, the size of the file, and what
reaches over the edge of a telephone 360 pixels wide. axe looks at both widths, on light and on dark paper,
with all folds open; the keyboard has to reach every fold. Ends with status 1 where one of them is beyond its
limit.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

MOST_SCREENS, MOST_BYTES = 5.0, 3_000_000
SCREEN, TELEPHONE = (1280, 800), (360, 740)
OPEN_ALL = "() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
TOO_WIDE = """() => [...document.querySelectorAll('main *')].filter((one) =>
  !one.closest('.scroll') && one.getBoundingClientRect().right > innerWidth + 1
).map((one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 40)}`)"""
AXE = """async () => (await axe.run(document)).violations.map(
  (one) => `${one.id} (${one.impact}): ${one.help}: `
    + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(' | ')
)"""
REACHED = "() => document.activeElement && document.activeElement.tagName"


def main() -> None:
    """Look at each report, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--axe", type=Path, required=True, help="axe.min.js of axe-core")
    parser.add_argument("--pictures", type=Path, help="where to put what the browser showed")
    arguments = parser.parse_args()
    wrong = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as temporary:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for run in arguments.runs:
            page = plain_copy(run / "report.html", Path(temporary))
            wrong += look_at(browser, run, page, arguments.axe.read_text(), arguments.pictures)
        browser.close()
    print("\n".join(wrong) or "nothing found")
    sys.exit(bool(wrong))


def plain_copy(page: Path, folder: Path) -> Path:
    """The page without the policy that keeps any script out, axe too."""
    copy = folder / f"{page.parent.name}.html"
    text = page.read_text(encoding="utf-8")
    copy.write_text(re.sub(r"<meta http-equiv=[^>]*>", "", text), encoding="utf-8")
    return copy


def look_at(browser: Browser, run: Path, page: Path, axe: str, pictures: Path | None) -> list[str]:
    """What is wrong with the report of `run`, of which `page` is a copy that lets axe in."""
    size, wrong = (run / "report.html").stat().st_size, []
    for width, height in (SCREEN, TELEPHONE):
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            shown = context.new_page()
            shown.goto(page.as_uri())
            long = shown.evaluate("document.documentElement.scrollHeight")
            where = f"{run.name}, {width} px, {scheme}"
            print(f"{where}: {long / height:.2f} screens, {size / 1e6:.2f} MB")
            if (width, height) == SCREEN and long / height > MOST_SCREENS:
                wrong.append(f"{where}: {long / height:.2f} screens")
            if pictures:
                shown.screenshot(path=pictures / f"{run.name}-{width}-{scheme}.png", full_page=True)
            folds = shown.locator("summary").count()
            shown.evaluate(OPEN_ALL)
            wrong += [f"{where}: reaches over the edge: {one}" for one in shown.evaluate(TOO_WIDE)]
            shown.evaluate(axe)
            wrong += [f"{where}: {one}" for one in shown.evaluate(AXE)]
            if pictures:
                shown.screenshot(path=pictures / f"{run.name}-{width}-{scheme}-open.png", full_page=True)
            reached = 0
            for _ in range(20 * folds + 100):
                shown.keyboard.press("Tab")
                name = shown.evaluate(REACHED)
                reached += name == "SUMMARY"
                if name == "BODY":
                    break
            if reached != folds:
                wrong.append(f"{where}: the keyboard reaches {reached} of {folds} folds")
            context.close()
    return [*wrong, *([f"{run.name}: {size:,} bytes"] if size > MOST_BYTES else [])]


if __name__ == "__main__":
    main()
