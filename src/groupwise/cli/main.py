"""The command line: one verb a command, exit status 0, 1 (failed), 2 (wrong usage) or 3 (`--fail-under`)."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import getdoc
from pathlib import Path
from typing import Any

from groupwise.cli import data, deploy, evaluate, learning, measure, probe, report, serve, train
from groupwise.cli.first_look import look_first
from groupwise.cli.options import value_of
from groupwise.console import show_any_character
from groupwise.distributed.portable import take_option
from groupwise.errors import Ended, GroupwiseError, UsageError, did_you_mean
from groupwise.runs.deadline import command_began, process_began
from groupwise.runs.run import LEDGER
from groupwise.version import __version__

# New objects after which Python looks for garbage. Libraries load millions that stay, and looking every 700
# took a sixth of the start of a training.
GARBAGE_AFTER = 10_000
INTERRUPTED, ENDED = 130, 143  # what a shell gives for Ctrl-C and for SIGTERM
CALLBACK_OVER_S = 0.05
START_AGAIN = 75  # EX_TEMPFAIL of sysexits.h, as for a training that SIGTERM stopped and that was saved

Verb = Callable[[Any, list[str]], None]
GO_ON = ("train", "probe", "sweep", "demo")
LEARNS = (*GO_ON, "refit", "lr-find")
# A verb is a function: its docstring holds the promise, the line of usage and examples, its body the options.
TASKS: dict[str, dict[str, Verb]] = {
    "Five that carry a project": {
        "audit": data.audit,
        "train": train.train,
        "predict": deploy.predict,
        "serve": serve.serve,
        "export": deploy.export,
    },
    "Look at the data": {"scan": data.scan, "show": data.show, "split": train.split},
    "Train in other ways": {
        "plan": train.plan,
        "probe": probe.probe,
        "refit": train.refit,
        "sweep": train.sweep,
        "lr-find": train.lr_find,
        "demo": train.demo,
    },
    "Measure, and doubt the number": {
        "evaluate": measure.evaluate,
        "report": report.report,
        "compare": evaluate.compare,
        "slices": evaluate.slices,
        "robustness": evaluate.robustness,
        "leakage": evaluate.leakage,
        "control": evaluate.control,
        "learning-curve": learning.learning_curve,
    },
    "Look into answers": {"explain": deploy.explain, "labels": evaluate.labels, "decide": evaluate.decide},
    "Check what is installed or handed over": {"verify": deploy.verify, "info": data.info},
}
VERBS: dict[str, Verb] = {verb: act for verbs in TASKS.values() for verb, act in verbs.items()}


def promise_of(verb: str) -> str:
    """The first sentence of the verb, which the overview and its own help say."""
    return (getdoc(VERBS[verb]) or "").partition("\n")[0]


def operands_of(verb: str) -> str:
    """What the verb takes beside its options, from its line of usage."""
    usage = re.search(rf"^groupwise {verb}(.*) \[options\]$", getdoc(VERBS[verb]) or "", re.MULTILINE)
    return usage[1].strip() if usage else ""


def examples_of(verb: str) -> list[str]:
    """The commands below the verb's line of usage."""
    told = re.findall(rf"^groupwise {verb}\b.*$", getdoc(VERBS[verb]) or "", re.MULTILINE)
    return [line for line in told if not line.endswith("[options]")]


@contextmanager
def signals_end() -> Iterator[None]:
    """Let SIGTERM and a closed terminal act within the block as Ctrl-C does.

    `nohup` stays what it is. Outside of the main thread Python forbids it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise Ended

    def end_later(ignored: Any) -> None:
        # In a callback of the interpreter, as importing has, an exception ends nothing.
        if isinstance(ignored.exc_value, Ended):
            threading.Timer(CALLBACK_OVER_S, os.kill, (os.getpid(), signal.SIGTERM)).start()
        else:
            hook(ignored)

    hook, sys.unraisablehook = sys.unraisablehook, end_later
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, end)}
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    gc.set_threshold(GARBAGE_AFTER, *gc.get_threshold()[1:])
    show_any_character()
    began = process_began() if argv is None else time.monotonic()
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    try:
        arguments = take_option(arguments)  # before anything loads torch
        with command_began(began):
            return _dispatch(arguments)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        if isinstance(error, GroupwiseError) or os.environ.get("RANK", "0") == "0":
            # Of several processes the others only tell that the first one left.
            print(f"groupwise: {_explain(error, arguments)}", file=sys.stderr)
        if isinstance(error, KeyboardInterrupt):
            if not isinstance(error, Ended):
                return INTERRUPTED
            return START_AGAIN if arguments[0] in LEARNS else ENDED
        return error.exit_status if isinstance(error, GroupwiseError) else 1


def _explain(error: BaseException, argv: Sequence[str]) -> str:
    if isinstance(error, GroupwiseError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        # What has come further than this says so itself.
        return str(error) or _stopped(argv)
    if isinstance(error, OSError) and error.strerror:
        if error.filename is None:
            return f"{error.strerror}. Check the space on the disk and the limits of this machine."
        return f"{error.filename}: {error.strerror}. Check the path, its permissions and the space there."
    return f"{type(error).__name__}: {error}. This is a defect of Groupwise; --debug shows where."


def _stopped(argv: Sequence[str]) -> str:
    """What is kept of a command that came to no point of its own to stop at, and how to go on."""
    run = value_of("--run", argv) or ("runs/demo" if argv[0] == "demo" else None)
    if argv[0] in GO_ON and run is not None:
        if Path(run, LEDGER).is_file():
            return "Stopped. Go on with --resume."
        return "Stopped before the run began, and nothing is kept: give the same command again."
    table = value_of("--csv", argv) if argv[0] == "predict" else None
    if table is not None and Path(table).is_file():  # between its first line and the first answer
        return "Stopped before the first answer. Go on with --resume."
    return "Stopped before it was done: give the same command again."


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if argv[0] in ("-V", "--version"):
        print(f"groupwise {__version__}")
        return 0
    verb, *rest = argv
    if verb == "--print_completion":
        from groupwise.cli.completion import completion

        print(completion(rest[0] if rest else "", VERBS), end="")
        return 0
    if verb not in VERBS:
        raise UsageError(
            f"no such command{did_you_mean(verb, VERBS)}", place=verb, remedy="See `groupwise --help`."
        )
    try:
        with signals_end():
            look_first(verb, VERBS[verb], rest)
            from groupwise.cli.verb_parser import VerbParser

            parser = VerbParser(verb, promise_of(verb), operands_of(verb))
            parser.examples = examples_of(verb)
            VERBS[verb](parser, rest)
    except SystemExit as leave:  # --help leaves this way
        return int(leave.code or 0)
    return 0


def _overview() -> str:
    width = max(map(len, VERBS))
    lines = []
    for task, verbs in TASKS.items():
        lines += ["", f"{task}:", *(f"  {verb:<{width}}  {promise_of(verb)}" for verb in verbs)]
    return "\n".join(
        [
            "usage: groupwise COMMAND ...",
            "",
            "Trains a ResNeXt on a folder of labelled images and says how good the result really is.",
            *lines,
            "",
            "`groupwise COMMAND --help` explains one. --debug shows the traceback of an error;",
            "--print_completion bash (or zsh) prints what a shell completes commands by.",
            "--deterministic portable trains to the same bits on every processor with AVX2.",
        ]
    )
