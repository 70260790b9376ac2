"""HTML put together so that nothing gets in unescaped."""

from __future__ import annotations

import html


class Markup(str):
    """Text that is HTML already; every other string is escaped when it is put in."""

    __slots__ = ()


def escape(text: object) -> Markup:
    """HTML of a text; markup passes as it is."""
    return text if isinstance(text, Markup) else Markup(html.escape(str(text), quote=True))


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """An element. Strings among the children and attributes are escaped, markup is not.

    Attributes are named as in HTML, with `_` for `-` and one trailing `_` dropped (`class_`);
    True gives the bare attribute, False and None leave it out.
    """
    inner = "".join(escape(child) for child in children if child is not None)
    return Markup(f"<{tag}{_attributes(attributes)}>{inner}</{tag}>")


def void(tag: str, **attributes: object) -> Markup:
    """An element without content, such as an input or a shape in SVG."""
    return Markup(f"<{tag}{_attributes(attributes)}/>")


def join(*parts: object) -> Markup:
    """Parts one after another; strings are escaped."""
    return Markup("".join(escape(part) for part in parts if part is not None))


def _attributes(attributes: dict[str, object]) -> str:
    written = []
    for key, value in attributes.items():
        name = key.removesuffix("_").replace("_", "-")
        if value is True:
            written.append(f" {name}")
        elif value is not None and value is not False:
            written.append(f' {name}="{html.escape(str(value), quote=True)}"')
    return "".join(written)
