"""The layers of docs/architecture.md, enforced over the syntax trees."""

import ast
import re
import symtable
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "groupwise"
FILES = sorted(SOURCE.rglob("*.py"))
TORCH_FREE = ("data", "stats", "audit", "recipe", "runs", "report", "serving")


def module(file: Path) -> str:
    name = file.relative_to(SOURCE.parent).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


NAMES = {module(file) for file in FILES}


@cache
def syntax(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def imports(file: Path, *, lazy: bool) -> set[str]:
    """Modules of groupwise that a file imports; with `lazy`, also those imported within functions."""
    nodes = ast.walk(syntax(file)) if lazy else iter(syntax(file).body)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "groupwise"}
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "groupwise":
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & NAMES or {node.module}
    return found - {"groupwise"}


@cache
def names_of(name: str) -> set[str]:
    """What a module has by its own text, its submodules among it; nothing where it is not there."""
    files = [file for file in FILES if module(file) == name]
    tables = [symtable.symtable(file.read_text(), str(file), "exec") for file in files]
    symbols = [symbol for table in tables for symbol in table.get_symbols()]
    own = {one.get_name() for one in symbols if one.is_assigned() or one.is_imported()}
    return own | {other.rpartition(".")[2] for other in NAMES if other.rpartition(".")[0] == name}


def missing(file: Path) -> set[str]:
    """Names that a program takes from modules of groupwise, which do not have them."""
    taken = [
        (node.module, alias.name)
        for node in ast.walk(syntax(file))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("groupwise.")
        for alias in node.names
    ]
    return {f"{name}.{wanted}" for name, wanted in taken if wanted not in names_of(name)}


@cache
def layers() -> list[list[str]]:
    """The picture of the page: one list of names a layer, from the top down."""
    picture = re.search(r"```\n(cli,.*?)```", (ROOT / "docs/architecture.md").read_text(), re.DOTALL)
    return [
        [name.strip() for name in layer.split(",")] for layer in picture[1].replace("\n", " ").split("->")
    ]


def layer_of(name: str) -> int:
    """The layer of the folder that a module lies in, or of the module where it lies in none."""
    first = name.removeprefix("groupwise.").split(".")[0]
    for number, members in enumerate(layers()):
        if first in members:
            return number
    raise AssertionError(f"{name} has no place in docs/architecture.md")


@pytest.mark.parametrize(
    "line", ["import groupwise.text, groupwise.errors as e", "from groupwise import text, errors"]
)
def test_every_way_of_importing_is_seen(tmp_path, line):
    file = tmp_path / "planted.py"
    file.write_text(f"import os\nfrom groupwisely import more\n{line}\n")
    assert imports(file, lazy=False) == {"groupwise.text", "groupwise.errors"}


def test_a_layer_holds_folders_and_few_loose_modules():
    rooms = {file.parent.name for file in SOURCE.glob("*/__init__.py")}
    loose = {file.stem for file in SOURCE.glob("*.py")} - {"__init__", "__main__"}
    named = [name for layer in layers() for name in layer]
    assert set(named) == rooms | loose
    assert len(named) == len(set(named))
    assert len(layers()) <= 11
    assert len(loose) <= 8


@pytest.mark.parametrize("file", FILES, ids=module)
def test_imports_go_only_downward(file):
    if module(file) in ("groupwise", "groupwise.__main__"):
        return  # the doors of the house
    here = layer_of(module(file))
    above = {name for name in imports(file, lazy=True) if layer_of(name) < here}
    assert not above, f"{module(file)} imports from above: {above}"


def test_no_module_imports_itself_by_way_of_others():
    graph = {module(file): imports(file, lazy=True) for file in FILES}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(FILES)


@pytest.mark.parametrize("file", FILES, ids=module)
def test_files_open_with_their_promise_and_stay_small(file):
    tree = syntax(file)
    assert ast.get_docstring(tree), "no promise"
    assert len(file.read_text().splitlines()) <= 300
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert max((f.end_lineno - f.lineno + 1 for f in functions), default=0) <= 60


def test_torch_stays_where_it_is_needed():
    graph = {module(file): imports(file, lazy=False) for file in FILES}
    users = {module(f) for f in FILES if re.search(r"^(import|from) torch", f.read_text(), re.M)}
    for start in [module(f) for f in FILES if f.relative_to(SOURCE).as_posix().split("/")[0] in TORCH_FREE]:
        reached, front = {start}, [start]
        while front:
            new = graph[front.pop()] - reached
            reached |= new
            front += new
        assert not reached & users, f"{start} reaches torch through {reached & users}"


PROGRAMS = sorted((ROOT / "benchmarks").rglob("*.py"))


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: file.stem)
def test_what_a_program_takes_from_here_is_here(file):
    assert not missing(file)


def test_a_name_that_is_gone_is_missed(tmp_path):
    file = tmp_path / "program.py"
    file.write_text("from groupwise.text import count, gone\nfrom groupwise.data import scan, nowhere\n")
    assert missing(file) == {"groupwise.text.gone", "groupwise.data.nowhere"}
