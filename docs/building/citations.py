"""``[key]_`` in docstrings and ``[key]`` in pages become citations of ``docs/references.bib``."""

from __future__ import annotations

import re
from pathlib import Path

_KEY = re.compile(r"@\w+\{\s*([\w-]+)\s*,")
_IN_DOCSTRING = re.compile(r"\[([a-z][a-z-]*\d{4}[a-z]*)\]_")
_IN_PAGE = re.compile(r"(?<![`\w\]])\[([a-z][a-z-]*\d{4}[a-z]*)(?:, ([^\]\n]+))?\](?![(\[:_])")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?^ {0,3}\1", re.M | re.S)


def keys(bibliography: Path) -> set[str]:
    """Keys of the works in a BibTeX file.

    Args:
        bibliography: its path.

    Returns:
        All keys.
    """
    return set(_KEY.findall(bibliography.read_text(encoding="utf-8")))


def in_docstring(lines: list[str]) -> list[str]:
    """Citations of a docstring, as sphinxcontrib-bibtex reads them.

    Args:
        lines: the docstring.

    Returns:
        The lines with roles.

    >>> in_docstring(["Theorem 4 [watanabe2013wbic]_."])
    ['Theorem 4 :cite:p:`watanabe2013wbic`.']
    """
    return [_IN_DOCSTRING.sub(r":cite:p:`\1`", line) for line in lines]


def in_page(text: str) -> str:
    """Citations of a Markdown page; what is in a block of code stays as it is.

    Args:
        text: the page.

    Returns:
        The page with roles of MyST.

    >>> in_page("Algorithm 1 of [wei2022deep]; [not a key](x.md), `[wei2022deep]`")
    'Algorithm 1 of {cite:p}`wei2022deep`; [not a key](x.md), `[wei2022deep]`'
    >>> in_page("learns it [carroll2021phase, Example 3.2].")
    'learns it {cite:p}`carroll2021phase` (Example 3.2).'
    """
    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_IN_PAGE.sub(_cited, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _IN_PAGE.sub(_cited, text[end:])])


def _cited(found: re.Match[str]) -> str:
    key, place = found.groups()
    return f"{{cite:p}}`{key}`" + (f" ({place})" if place else "")
