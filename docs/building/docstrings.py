"""Docstrings are written to be read at a prompt; here the few characters in them that reStructuredText takes for markup are
marked as plain text.
"""

from __future__ import annotations

import re

from building import citations

_LITERAL = re.compile(r"(``.+?``|:[\w:]+:`[^`]+`|`[^`]+`_*|\[[a-z][a-z-]*\d{4}[a-z]*\]_)")
_BAR = re.compile(r"(?<!\\)\|")
_REFERENCE = re.compile(r"(?<=\w)_(?=[\s.,;:)(\]'’”/=·]|$)")


ATTRIBUTES = {"attribute", "data", "property"}
"""Kinds of objects in whose first line napoleon would take what stands before a colon for a type."""


def prepared(what: str, lines: list[str]) -> list[str]:
    """A docstring as napoleon and Sphinx should read it.

    Args:
        what: kind of the object.
        lines: the docstring.

    Returns:
        The lines of :func:`plain`; those of attributes after an empty line.

    >>> prepared("property", ["The page: one file."])
    ['', 'The page: one file.']
    """
    return ["", *plain(lines)] if what in ATTRIBUTES else plain(lines)


def plain(lines: list[str]) -> list[str]:
    """A docstring as Sphinx should read it.

    Bars (``|w|``) and underscores at the end of a name (``fill_``) are text; ``[key]_`` is a citation. Doctests, indented
    blocks after ``::``, literals and roles stay as they are.

    Args:
        lines: the docstring.

    Returns:
        As many lines.

    >>> plain(["|w| of torch.fill_ is ``|w|`` :math:`|w|`", ">>> |a|", "", "|b|"])
    ['\\\\|w\\\\| of torch.fill\\\\_ is ``|w|`` :math:`|w|`', '>>> |a|', '', '\\\\|b\\\\|']
    """
    answer: list[str] = []
    doctest, block = False, -1
    opened = False
    for line in lines:
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if block >= 0 and stripped and indent <= block:
            block = -1
        doctest = (doctest and bool(stripped)) or stripped.startswith(">>>")
        if doctest or block >= 0:
            answer.append(line)
            continue
        pieces = _LITERAL.split(line)
        if opened:  # a literal that began on the line before
            pieces = [line]
        odd = line.count("``") % 2 == 1
        answer.append(line if opened or odd else "".join(p if i % 2 else _escaped(p) for i, p in enumerate(pieces)))
        opened ^= odd
        if stripped.endswith("::") or stripped.startswith(".. "):
            block = indent
    return citations.in_docstring(answer)


def _escaped(text: str) -> str:
    return _REFERENCE.sub(r"\\_", _BAR.sub(r"\\|", text))
