"""Verbs that train again to judge a run: leakage, control."""

from __future__ import annotations

import json
from pathlib import Path

from groupwise.arguments import Parser
from groupwise.console import Console


def leakage(parser: Parser, argv: list[str]) -> None:
    """Tell what a random split would have reported."""
    from groupwise.evaluation.counterfactual_words import counterfactual_words
    from groupwise.studies.leakage import leakage as study

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument(
        "--retrain", action="store_true", help="also train under random and grouped splits, and measure both"
    )
    parser.add_argument("--seeds", type=int, default=3, help="pairs of networks that --retrain trains")
    parser.add_argument("--data", type=Path, help="where the images lie now, if they were moved")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    console = Console(quiet=arguments.json)
    facts = study(
        arguments.run, seeds=arguments.seeds if arguments.retrain else 0, root=arguments.data, console=console
    )
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    for sentence in counterfactual_words(facts, arguments.run):
        console.say(sentence)


def control(parser: Parser, argv: list[str]) -> None:
    """Train on labels that mean nothing."""
    from groupwise.studies.control import control as study
    from groupwise.studies.control import control_words

    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a finished run")
    parser.add_argument("--permutations", type=int, default=1, help="networks to train, each on other labels")
    parser.add_argument("--data", type=Path, help="where the images lie now, if they were moved")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    arguments = parser.parse_args(argv)
    console = Console(quiet=arguments.json)
    facts = study(arguments.run, permutations=arguments.permutations, root=arguments.data, console=console)
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    for sentence in control_words(facts):
        console.say(sentence)
