"""`groupwise --print_completion bash|zsh`: a script by which a shell completes verbs, options and files.

As in: groupwise --print_completion bash > ~/.local/share/bash-completion/completions/groupwise
"""

from __future__ import annotations

from collections.abc import Mapping

from groupwise.cli.first_look import Act, declared_options
from groupwise.errors import UsageError

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


def completion(shell: str, verbs: Mapping[str, Act]) -> str:
    """The script for `shell`; raises `UsageError` for one that is not known."""
    if shell not in SHELLS:
        raise UsageError(
            f"{shell!r} is no shell known here", place="--print_completion", remedy="bash or zsh."
        )
    cases = [
        f'    {verb}) options="{" ".join(declared_options(verb, act))}" ;;' for verb, act in verbs.items()
    ]
    script = SCRIPT.format(verbs=" ".join(verbs), cases="\n".join(cases))
    return (ZSH if shell == "zsh" else "") + script
