"""The command line: one verb a command, exit status 0, 1 (failed) or 2 (wrong usage), no tracebacks."""

from __future__ import annotations

import difflib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from groupwise.cli import data as looking
from groupwise.cli import deploy as using
from groupwise.cli import evaluate as measuring
from groupwise.cli import evaluate as probing
from groupwise.cli import evaluate as studying
from groupwise.cli import train as learning
from groupwise.console import show_any_character
from groupwise.errors import GroupwiseError, UsageError
from groupwise.recipe.parsing import Parser
from groupwise.version import __version__

INTERRUPTED = 130  # what a shell gives for Ctrl-C
START_AGAIN = 75  # EX_TEMPFAIL of sysexits.h, as for a training that SIGTERM stopped and that was saved


class Ended(KeyboardInterrupt):
    """SIGTERM, where training does not take it itself."""


@contextmanager
def sigterm_ends() -> Iterator[None]:
    """Let SIGTERM act within the block as Ctrl-C does; outside of the main thread Python forbids it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise Ended

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    # Read when torch loads. Threads that spin for long while they wait keep a shared core busy.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    show_any_character()
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    try:
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
            return START_AGAIN if isinstance(error, Ended) else INTERRUPTED
        return error.exit_status if isinstance(error, GroupwiseError) else 1


def _explain(error: BaseException, argv: Sequence[str]) -> str:
    if isinstance(error, GroupwiseError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        # What has come further than this says so itself.
        return str(error) or ("Stopped. Go on with --resume." if argv[0] in GO_ON else "Stopped.")
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Check the path, its permissions and the space there."
    return f"{type(error).__name__}: {error}. This is a defect of Groupwise; --debug shows where."


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if argv[0] in ("-V", "--version"):
        print(f"groupwise {__version__}")
        return 0
    verb, *rest = argv
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        meant = f", did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"no such command{meant}", place=verb, remedy="See `groupwise --help`.")
    promise, run = VERBS[verb]
    try:
        with sigterm_ends() if verb in LEARNS else nullcontext():
            run(Parser(verb, promise, OPERANDS.get(verb, "DATA")), rest)
    except SystemExit as leave:  # --help leaves this way
        return int(leave.code or 0)
    return 0


def _overview() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {promise}" for verb, (promise, _) in VERBS.items()]
    return "\n".join(
        [
            "usage: groupwise COMMAND ...",
            "",
            "Trains a ResNeXt on a folder of labelled images and says how good the result really is.",
            "",
            *lines,
            "",
            "`groupwise COMMAND --help` explains one. --debug shows the traceback of an error.",
        ]
    )


GO_ON = ("train", "sweep", "demo")
LEARNS = (*GO_ON, "lr-find")
OPERANDS = {
    "info": "[NETWORK]",
    "evaluate": "RUN",
    "decide": "RUN",
    "slices": "RUN",
    "robustness": "RUN",
    "compare": "RUN RUN...",
    "labels": "RUN",
    "export": "RUN --to FORM",
    "leakage": "RUN",
    "control": "RUN",
    "explain": "RUN [IMAGE...]",
    "predict": "RUN IMAGE...",
    "serve": "RUN",
    "report": "RUN",
    "demo": "",
}
VERBS: dict[str, tuple[str, Callable[[Parser, list[str]], None]]] = {
    "scan": ("Say of every file below a folder whether it can be used, and why not.", looking.scan),
    "show": ("Draw a grid of sample images with their classes.", looking.show),
    "audit": ("Find copies, label conflicts and bad files before anything is trained.", looking.audit),
    "info": ("List the networks, or print one stage by stage with its cost.", looking.info),
    "split": ("Divide images into folds so that no source spans two.", learning.split),
    "plan": (
        "Suit a recipe to the data and the time there is, with a reason for each choice.",
        learning.plan,
    ),
    "train": ("Train on a folder or CSV, from scan to report.", learning.train),
    "lr-find": ("Draw the loss against a rising learning rate, and suggest one.", learning.lr_find),
    "sweep": ("Try values of a recipe's knobs, and keep those that score highest on val.", learning.sweep),
    "evaluate": ("Measure a fold again, from the saved weights alone.", measuring.evaluate),
    "decide": ("Choose anew, without training, when answers are given and when not.", measuring.decide),
    "slices": ("Say whether some sites, devices or people fare worse than others.", probing.slices),
    "robustness": ("Say how accuracy falls on blurred, compressed or noisy images.", probing.robustness),
    "compare": ("Say which of several runs is better, or what it would take to tell.", measuring.compare),
    "labels": ("Name the labels that are probably wrong, the surest first.", measuring.labels),
    "export": ("Write a run as a bundle, or in the form of another program.", using.export),
    "leakage": ("Tell what a random split of a run's images would have reported.", studying.leakage),
    "control": ("Train on labels that mean nothing, where a sound pipeline scores chance.", studying.control),
    "explain": ("Show where answers come from: heat maps, groups, nearest training images.", using.explain),
    "predict": ("Say class and probability of images.", using.predict),
    "serve": ("Answer over HTTP, with a page to drop pictures on.", using.serve),
    "report": ("Write a run's report again.", measuring.report),
    "demo": (
        "Train on scikit-learn's handwritten digits: one to three minutes on two free cores.",
        learning.demo,
    ),
}
