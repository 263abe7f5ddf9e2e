"""`serve`: a run or a bundle answers over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.console import Console
from groupwise.errors import GroupwiseError, UsageError

if TYPE_CHECKING:
    from groupwise.recipe.parsing import Parser

TOKEN_VARIABLE = "GROUPWISE_TOKEN"


def serve(parser: Parser, argv: list[str]) -> None:
    """Answer over HTTP, with a page to drop pictures on.

    groupwise serve RUN [options]

    groupwise serve runs/first
    """
    _add_options(parser)
    arguments = parser.parse_args(argv)
    from groupwise.export.current import current_bundle
    from groupwise.export.verify_bundle import unverified_words
    from groupwise.inference.bundle import open_bundle

    try:
        from groupwise.serving.server import Address, serve, url_of
        from groupwise.serving.watching import Watch
        from groupwise.serving.workers import Task, serve_by_workers
    except ImportError as error:
        raise GroupwiseError(
            f"{error.name} is not installed",
            place="serve",
            remedy="Install it: pip install 'groupwise[serve]'",
        ) from None
    place, token = "--token", arguments.token
    if token is None:
        place, token = TOKEN_VARIABLE, os.environ.get(TOKEN_VARIABLE)
    address = Address(arguments.host, arguments.port, token, tuple(arguments.allow_host), token_place=place)
    console = Console()
    _refuse_workers(arguments.model, arguments.workers, watch=arguments.watch)

    def bundle_now() -> Path:
        return current_bundle(
            arguments.model, on_export=lambda: console.say("Making a bundle of the run ...")
        )

    try:
        bundle = bundle_now()
    except KeyboardInterrupt as stopped:
        raise type(stopped)("Stopped before there was a bundle to serve.") from None
    if words := unverified_words(bundle):
        console.warn(words)
    with address.bind() as listener:

        def tell() -> None:
            console.say(f"Page: {url_of(listener)} (Ctrl-C stops)")

        if arguments.workers > 1:
            task = Task(bundle, address, arguments.watch)
            serve_by_workers(arguments.workers, task, listener, on_ready=tell, say=console.warn)
            return
        predictor = open_bundle(bundle)
        watch = Watch(arguments.model, lambda: open_bundle(bundle_now()), console.say)
        serve(predictor, address, listener, on_ready=tell, watch=watch if arguments.watch else None)


def _add_options(parser: Parser) -> None:
    parser.add_argument("model", metavar="RUN", type=Path, help="the folder of a finished run, or a bundle")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; others than this need a token")
    parser.add_argument("--port", type=int, default=8000, help="the port; 0 takes any that is free")
    parser.add_argument("--token", help="what clients must send; or set GROUPWISE_TOKEN, which `ps` hides")
    parser.add_argument(
        "--allow-host", metavar="NAME", nargs="+", default=[], help="further names of this server"
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="go over to a newer model of RUN once there is one, losing nothing",
    )
    parser.add_argument(
        "--workers", metavar="N", type=int, default=1, help="processes that answer, each with its own model"
    )


def _refuse_workers(model: Path, workers: int, *, watch: bool) -> None:
    """Raise `UsageError` for a number that cannot be, and where each worker would export the same run."""
    from groupwise.inference.bundle import is_bundle

    if workers < 1:
        raise UsageError(f"{workers} is below 1", place="--workers", remedy="Give 1 or more.")
    if watch and workers > 1 and not is_bundle(model):
        raise UsageError(
            "several processes would each make the bundle of a newer model",
            place=f"--watch --workers {workers}",
            remedy=f"Serve {model / 'export' / 'bundle'}, and export the run when there is a newer model.",
        )
