"""The parser of a verb: it looks at paths as well, and its help ends with examples."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from groupwise.cli.paths import look_at
from groupwise.recipe.parsing import Parser


class VerbParser(Parser):
    """The parser of a verb, which also looks at the paths, by what their metavar says they are.

    `examples` are commands that end its help.
    """

    examples: Sequence[str] = ()

    def format_help(self, formatter: argparse.HelpFormatter | None = None) -> str:
        """The options by their groups, and the examples."""
        told = "".join(f"\n  {line}" for line in self.examples)
        return str(super().format_help(formatter)) + (f"\nexamples:{told}\n" if told else "")

    def parse_args(self, *arguments: Any, **options: Any) -> Any:
        """Parse; raises GroupwiseError for a path that cannot be read or written as the verb wants to."""
        parsed = super().parse_args(*arguments, **options)
        look_at(self._actions, vars(parsed))
        return parsed
