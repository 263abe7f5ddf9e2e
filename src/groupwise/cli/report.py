"""`report`: the page of a run, and what else is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.console import Console

if TYPE_CHECKING:
    from groupwise.recipe.parsing import Parser


def report(parser: Parser, argv: list[str]) -> None:
    """Write a run's report again.

    groupwise report RUN [options]

    groupwise report runs/first --figures paper
    groupwise report runs/first --language zh --pdf report.zh.pdf
    """
    from groupwise.report.languages import LANGUAGES

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument(
        "--figures",
        metavar="FOLDER",
        type=Path,
        help="write for a paper: figures as SVG and PNG of 300 dpi, tables as CSV, the methods in words",
    )
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        help="write report and audit in Chinese as well (report.zh.html); --pdf and --word are then of that",
    )
    parser.add_argument("--pdf", metavar="FILE", type=Path, help="print the report into this file")
    parser.add_argument("--word", metavar="FILE", type=Path, help="write the report as a .docx of this name")
    parser.add_argument(
        "--croissant",
        metavar="FOLDER",
        type=Path,
        help="describe the images and their folds as Croissant 1.1, for the folder that is published",
    )
    arguments = parser.parse_args(argv)
    from groupwise.report.croissant import JSON, write_croissant
    from groupwise.report.page import write_pages
    from groupwise.report.pdf import find_browser
    from groupwise.report.publication import write_publication
    from groupwise.runs.files import read_run
    from groupwise.runs.run import Run

    run = Run.open(arguments.run)
    if run.is_refit:
        run.refuse_untestable()
    for name in ("recipe.yaml", "split.json", "predictions.csv", "metrics.json"):
        run.require(name)
    if arguments.pdf is not None:
        find_browser()  # before the report is written anew
    files = read_run(arguments.run)
    console, page = Console(), write_pages(files)
    console.say(f"Report: {page}")
    if arguments.figures is not None:
        written = write_publication(files, arguments.figures)
        console.say(f"For a paper: {len(written)} files in {arguments.figures}")
    _write_other_forms(page, arguments, console)
    if arguments.croissant is not None:
        missing = write_croissant(files, arguments.croissant)
        console.say(f"Data set: {arguments.croissant / JSON}")
        if missing:
            console.say(f"Only you can add to it: {', '.join(missing)}; what you write there is kept.")


def _write_other_forms(page: Path, arguments: Any, console: Console) -> None:
    """The report in another language, as PDF and for Word, as asked for."""
    from groupwise.report.pdf import write_pdf
    from groupwise.report.word import write_word

    if arguments.language is not None:
        if (audited := page.with_name("audit.html")).is_file():
            write_in_language(audited, arguments.language, console)
        page = write_in_language(page, arguments.language, console)
    if arguments.pdf is not None:
        write_pdf(page, arguments.pdf)
        console.say(f"PDF: {arguments.pdf}")
    if arguments.word is not None:
        write_word(page.read_text(encoding="utf-8"), arguments.word)
        console.say(f"For Word: {arguments.word}")


def write_in_language(page: Path, language: str, console: Console) -> Path:
    """Write `page` in `language` beside it, say where, and what of it stayed English."""
    from groupwise.report.translation import write_translation

    written, missing = write_translation(page, language)
    console.say(f"Report: {written}")
    if missing:
        console.say(f"{len(missing)} of its sentences stayed English, such as: {missing[0]}")
    return written
