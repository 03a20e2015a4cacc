"""HTML from elements: text is escaped unless it is HTML already, so nobody can forget to."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

_VOID: Final = frozenset({"meta", "input"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: object) -> Html:
    """Return an element.

    Args:
        tag: its name.
        children: in order; what is no `Html` is escaped.
        attributes: `class_="bar"` is `class="bar"`, `aria_label` is `aria-label`; values are
            escaped.
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
    )
    if tag in _VOID:
        return Html(f"<{tag}{named}>")
    return Html(f"<{tag}{named}>{joined(children)}</{tag}>")


def joined(parts: Iterable[str], between: str = "") -> Html:
    """Return parts one after the other; what is no `Html` is escaped."""
    texts = (part if isinstance(part, Html) else escape(part, quote=False) for part in parts)
    return Html(between.join(texts))
