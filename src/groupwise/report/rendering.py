"""Templates of pages; every value is escaped, whatever a file or a class is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from groupwise.data.targets import say
from groupwise.report import words
from groupwise.text import count

# The words for figures that the templates use.
WORDS: tuple[Callable[..., str], ...] = (
    words.percent,
    count,
    words.share_text,
    words.share_interval,
    words.plain_text,
    words.plain_interval,
)


def render(template: str, **context: Any) -> Markup:
    """Fill in a template of `templates/`; a value that is missing is an error."""
    return Markup(_environment().get_template(template).render(context))  # escaped by the environment


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("groupwise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {function.__name__: function for function in WORDS} | {
        "code": mark_code,
        "said": say,
    }
    return environment


def mark_code(text: str) -> Markup:
    """Escape `text` and set what stands between a pair of backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup().join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


@dataclass(frozen=True)
class Section:
    """`values` are the names that the partial uses; `pictures` are PNG files of `figures/` by their name."""

    values: Mapping[str, object]
    pictures: Mapping[str, bytes] = field(default_factory=dict)
