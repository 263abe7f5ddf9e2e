"""Sets what Groupwise makes of any photographs against a plain network and other libraries, at equal time.

    python benchmarks/model.py ../shared/data/clothing.csv:sender ../shared/data/sign-digits.csv:student
        --minutes 1 2 5 --seeds 0 1 2 [--outer 0 1 2 3 4 --threads 2 --side-by-side]
    python benchmarks/model.py ../shared/data/clothing.csv:sender --contestants plain --epochs 40
    python benchmarks/model.py ../shared/data/clothing.csv:sender --contestants fastai timm-128 --minutes 15
    python benchmarks/model.py ../shared/data/clothing.csv:sender --contestants groupwise:wide
        --vary wide model.preset=resnext14_32x4d data.image_size_px=96
    python benchmarks/model.py --table        and --front

`python benchmarks/sets.py --help` says what DATA may be. A fifth of the sources of each set is held out of
everything and judged on (`--outer` picks it; `published` is the publisher's own test part). Of the others 7/8
are learnt from by every contestant; Groupwise has the last eighth to choose on, which with `--pictures all`
the others learn from as well. Contestants:

- `plain`, the plain network of `groupwise.baselines`, its one cycle following the clock, or for `--epochs N`;
- `groupwise`, its plan and the training of it, which share the minutes (with `inf` there is no budget);
  `groupwise:NAME` with the fields that `--vary NAME FIELD=VALUE ...` sets, or as `recipe=FILE` says,
  unplanned: until the minutes are over or, which makes a front, for `--epochs N`;
- `command`, the whole of `groupwise train CSV --budget`, which divides train and val anew by its own rules;
  with `--vary NAME src=FOLDER`, `command:NAME` and `groupwise:NAME` are those of another checkout's `src`;
- `probe`, a linear model on a frozen ImageNet network (`probe.py`), whatever the minutes;
- `fastai`, `timm`, `torchvision`, resnet18 at 96 px, or as in `timm-128`, by as many epochs as fit.

Every measurement is a process of its own, contestant after contestant within a seed, or with
`--side-by-side` at once, each on a core of its own and then all again where one is missing. It is a line of
the results: the program can be stopped, and only measures what is missing. It ends with the tables of
`standings.py`; `--table` and `--front` print them, and the fronts of accuracy against seconds, of what there
is, and measure nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import yaml

import standings
from measure import CONTESTANTS
from sets import OUTER, PUBLISHED, add_set_options, describe, open_set
from task import Task

PROGRAM = Path(__file__).with_name("measure.py")


def tasks_of(options: argparse.Namespace) -> Iterator[list[Task]]:
    """The measurements in their order, in lists of what runs at once."""
    varied = {name: dict(map(_field, fields)) for name, *fields in options.vary}
    limits = [(minutes, None) for minutes in options.minutes] + [(None, n) for n in options.epochs]
    for seed, outer, data, (minutes, epochs) in product(options.seeds, options.outer, options.data, limits):
        cell = []
        for contestant in options.contestants:
            kind, _, name = contestant.partition(":")
            if name and name not in varied:
                raise SystemExit(f"{contestant}: say what {name} varies, as in --vary {name} FIELD=VALUE")
            if epochs is not None and (
                kind == "command" or (kind == "groupwise" and "recipe" not in varied.get(name, {}))
            ):
                continue  # it is planned for minutes
            cell.append(
                Task(
                    data=data,
                    work=str(options.work),
                    outer=outer,
                    seed=seed,
                    contestant=contestant,
                    minutes=minutes,
                    epochs=epochs,
                    threads=1 if options.side_by_side else options.threads,
                    beside=options.side_by_side,
                    processor_time=options.processor_time,
                    pictures=options.pictures,
                    per_class=options.per_class,
                    count=options.count,
                    imbalance=options.imbalance,
                    varied=varied.get(name, {}),
                    keep=options.keep and str(options.keep),
                )
            )
        at_once = len(_cores()) if options.side_by_side else 1
        yield from (cell[start : start + at_once] for start in range(0, len(cell), at_once))


def run(tasks: Sequence[Task], results: Path) -> bool:
    """Measure all of `tasks` at once; returns whether each came to its end."""
    cores, running = _cores(), []
    # Who is first alternates with the seed, so that nobody has the better core all the time.
    order = tasks if tasks[0].seed % 2 == 0 else tasks[::-1]
    for number, task in enumerate(order):
        mine = cores[number * task.threads :][: task.threads]
        environment = {**os.environ, "OMP_NUM_THREADS": str(task.threads)}
        if "src" in task.varied:
            places = [str(Path(task.varied["src"]).resolve()), os.environ.get("PYTHONPATH", "")]
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, places))
        words = [sys.executable, str(PROGRAM), json.dumps(asdict(task)), str(results)]
        _stay_on(mine)  # which the new process inherits
        running.append(subprocess.Popen(words, env=environment))
        _stay_on(cores)
    codes = [process.wait() for process in running]
    return not any(codes)


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _stay_on(cores: Sequence[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def _field(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SystemExit(f"--vary: {text!r} is not FIELD=VALUE")
    return name, yaml.safe_load(value)


def _contestant(name: str) -> str:
    if name.partition(":")[0].partition("-")[0] not in CONTESTANTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(CONTESTANTS)}")
    return name


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_set_options(parser)
    parser.add_argument("--contestants", nargs="+", type=_contestant, default=["plain", "groupwise"])
    parser.add_argument(
        "--vary", nargs="+", action="append", default=[], metavar="NAME", help="NAME FIELD=VALUE ..."
    )
    parser.add_argument("--minutes", nargs="+", type=float, default=[])
    parser.add_argument("--epochs", nargs="+", type=int, default=[], help="of what is not planned")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    fifths = [str(number) for number in range(OUTER)]
    parser.add_argument("--outer", nargs="+", choices=[*fifths, PUBLISHED], default=["0"])
    parser.add_argument("--threads", type=int, default=len(_cores()))
    parser.add_argument("--side-by-side", action="store_true", help="at once, on one core each")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="minutes of one thread on its core, not of the wall clock",
    )
    parser.add_argument("--pictures", choices=["train", "all"], default="train")
    parser.add_argument("--per-class", type=int, help="pictures a class to learn and choose from, at most")
    parser.add_argument("--keep", type=Path, help="folder for what `groupwise` learns, below it one a set")
    parser.add_argument("--count", type=int, help="pictures to learn and choose from in all, at most")
    parser.add_argument(
        "--imbalance",
        type=float,
        default=1.0,
        help="pictures to learn from of the first class for one of the last",
    )
    parser.add_argument("--results", type=Path, help="default: results.jsonl in the work folder")
    parser.add_argument("--table", action="store_true", help="only print the tables of what there is")
    parser.add_argument("--front", action="store_true", help="only print the fronts of what there is")
    options = parser.parse_args()
    options.results = options.results or options.work / "results.jsonl"
    if options.processor_time and options.threads > 1 and not options.side_by_side:
        parser.error("--processor-time counts the seconds of one thread: add --threads 1")
    if options.data and not (options.table or options.front) and not (options.minutes or options.epochs):
        parser.error("say how long: --minutes 1 2 5, or --epochs 40 for the plain network")
    return options


def main() -> None:
    options, failed = parse(), list[str]()
    if options.table or options.front:
        for wanted, printed in ((options.table, standings.tables), (options.front, standings.fronts)):
            if wanted:
                print(printed(standings.read(options.results)))
        return
    options.work.mkdir(parents=True, exist_ok=True)
    for data in options.data:
        print(describe(open_set(data, options.work)), flush=True)
    for tasks in tasks_of(options):
        done = standings.read(options.results)
        missing = [task for task in tasks if standings.find(done, task.conditions, task.varied) is None]
        if not missing:
            continue
        if not run(tasks if options.side_by_side else missing, options.results):
            failed += [task.contestant for task in tasks]
        done = standings.read(options.results)
        for task in tasks if options.side_by_side else missing:
            if (line := standings.find(done, task.conditions, task.varied)) is not None:
                print(standings.describe(line), flush=True)
    print(f"\n{standings.tables(standings.read(options.results))}")
    if failed:
        raise SystemExit(f"\nnot measured, for the reasons above: {', '.join(failed)}")


if __name__ == "__main__":
    main()
