"""`groupwise --print_completion bash|zsh`: a script by which a shell completes verbs, options and files.

As in: groupwise --print_completion bash > ~/.local/share/bash-completion/completions/groupwise
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from groupwise.cli.verb_parser import VerbParser
from groupwise.errors import UsageError
from groupwise.recipe.parsing import Parser

SHELLS = ("bash", "zsh")
SCRIPT = """\
_groupwise() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{verbs} --help --version" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -F _groupwise groupwise
"""
ZSH = "#compdef groupwise\nautoload -U +X bashcompinit && bashcompinit\n"


class _Declared(Exception):  # noqa: N818 - it is no error: it ends a verb once its options are declared
    """The options of a verb."""


class _Declaration(VerbParser):
    """A parser at which a verb stops, once it has declared its options."""

    def parse_args(self, *_: Any, **__: Any) -> NoReturn:
        """Raise with what was declared."""
        raise _Declared(sorted(word for word in self._option_string_actions if word.startswith("--")))


def completion(shell: str, verbs: Mapping[str, Callable[[Parser, list[str]], None]]) -> str:
    """The script for `shell`; raises `UsageError` for one that is not known."""
    if shell not in SHELLS:
        raise UsageError(
            f"{shell!r} is no shell known here", place="--print_completion", remedy="bash or zsh."
        )
    cases = [f'    {verb}) options="{" ".join(_options(verb, act))}" ;;' for verb, act in verbs.items()]
    script = SCRIPT.format(verbs=" ".join(verbs), cases="\n".join(cases))
    return (ZSH if shell == "zsh" else "") + script


def _options(verb: str, act: Callable[[Parser, list[str]], None]) -> list[str]:
    try:
        act(_Declaration(verb, ""), [])
    except _Declared as declared:
        options: list[str] = declared.args[0]
        return options
    raise AssertionError(f"{verb} parses nothing")
