"""The page of the public names: `python docs/build_api.py FOLDER` writes FOLDER/groupwise.html, by pdoc."""

import sys
from pathlib import Path

import pdoc

import groupwise


def build(folder: Path) -> None:
    """Write the page; names are imported first, since pdoc shows what is there unasked."""
    for name in groupwise.__all__:
        setattr(groupwise, name, getattr(groupwise, name))
    pdoc.render.configure(docformat="google", search=False)
    pdoc.pdoc("groupwise", "!groupwise[.]", output_directory=folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
