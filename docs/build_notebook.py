"""The notebook of the lesson: the English pages of docs/learn as cells, executed.

    python docs/build_notebook.py     renews docs/learn/grouped_convolution.ipynb, in some minutes

What a page says is printed is not copied: the cells are run, and what they print and draw is kept.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

LEARN = Path(__file__).parent / "learn"
NOTEBOOK = LEARN / "grouped_convolution.ipynb"
PAGES = ("grouped_convolution.md", "tutorial.md")
PYTHON_OR_OUTPUT = re.compile(r"```(python|text)\n(.*?)```\n", re.DOTALL)
DPI = 72


def cells() -> list[dict[str, Any]]:
    """Prose and code of the pages in their order, not yet executed."""
    found: list[dict[str, Any]] = []
    for page in PAGES:
        kinds = PYTHON_OR_OUTPUT.split((LEARN / page).read_text(encoding="utf-8"))
        for prose, kind, code in zip(kinds[::3], [*kinds[1::3], ""], [*kinds[2::3], ""], strict=True):
            if prose.strip():
                found.append({"cell_type": "markdown", "metadata": {}, "source": lines(prose.strip())})
            if kind == "python":
                found.append(
                    {
                        "cell_type": "code",
                        "metadata": {},
                        "execution_count": None,
                        "outputs": [],
                        "source": lines(code.rstrip()),
                    }
                )
    return found


def lines(text: str) -> list[str]:
    """As the format has it: each line with its end."""
    return text.splitlines(keepends=True)


def execute(found: list[dict[str, Any]]) -> None:
    """Run the code cells one behind the other in names of their own, and keep their outputs."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names: dict[str, Any] = {}
    code_cells = (cell for cell in found if cell["cell_type"] == "code")
    for number, cell in enumerate(code_cells, start=1):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec("".join(cell["source"]), names)
        cell["execution_count"] = number
        if printed.getvalue():
            text = lines(printed.getvalue())
            cell["outputs"].append({"output_type": "stream", "name": "stdout", "text": text})
        for figure in map(plt.figure, plt.get_fignums()):
            drawn = io.BytesIO()
            figure.savefig(drawn, dpi=DPI, bbox_inches="tight")
            image = base64.b64encode(drawn.getvalue()).decode()
            shown = {"data": {"image/png": image}, "metadata": {}, "output_type": "display_data"}
            cell["outputs"].append(shown)
        plt.close("all")


def notebook(found: list[dict[str, Any]]) -> str:
    """The file: version 4.4 of the format, whose cells need no names."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    facts = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": found, "metadata": facts, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Execute and write."""
    found = cells()
    execute(found)
    NOTEBOOK.write_text(notebook(found), encoding="utf-8")


if __name__ == "__main__":
    main()
