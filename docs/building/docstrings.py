"""Docstrings are written to be read at a prompt; here the few characters in them that
reStructuredText takes for markup are marked as plain text.
"""

from __future__ import annotations

import re

from building import citations

_LITERAL = re.compile(r"(``[^`]+``|:[\w:]+:`[^`]+`|`[^`]+`_*|\[[a-z][a-z-]*\d{4}[a-z]*\]_)")
_SHARED = re.compile(r"    (?P<names>\w+(?:, \w+)+)(?P<rest>:.*)")
_BEFORE_A_LETTER = re.compile(r"(``(?=\S)[^`]+(?<=\S)``)(?=\w)")
_BAR = re.compile(r"(?<!\\)\|")
_REFERENCE = re.compile(r"(?<=\w)_(?=[\s.,;:)(\]\"'’”/=·]|$)")


ATTRIBUTES = {"attribute", "data", "property"}
"""Kinds of objects in whose first line napoleon would take what stands before a colon for a type.
"""


def prepared(what: str, lines: list[str]) -> list[str]:
    """A docstring as napoleon and Sphinx should read it.

    Args:
        what: kind of the object.
        lines: the docstring.

    Returns:
        The lines of :func:`plain`; those of attributes after a comment that nobody sees.

    >>> prepared("property", ["The page: one file."])
    ['..', '', 'The page: one file.']
    """
    if what in ATTRIBUTES:
        return ["..", "", *plain(lines)]
    return plain(_one_by_one(lines))


def _one_by_one(lines: list[str]) -> list[str]:
    """Fields that share a line of ``Attributes:``, each on its own: napoleon does it for arguments
    only.

    >>> _one_by_one(["Attributes:", "    a, b: two", "        numbers."])
    ['Attributes:', '    a: two', '        numbers.', '    b: two', '        numbers.']
    """
    answer: list[str] = []
    shared: list[str] = []
    names: list[str] = []
    inside = False
    for line in [*lines, ""]:
        if names and (not line.strip() or not line.startswith(" " * 8)):
            for name in names:
                answer += [f"    {name}{shared[0]}", *shared[1:]]
            names = []
        if line == "Attributes:":
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        if inside and (found := _SHARED.match(line)):
            names, shared = found["names"].split(", "), [found["rest"]]
        elif names:
            shared.append(line)
        else:
            answer.append(line)
    return answer[:-1]


def plain(lines: list[str]) -> list[str]:
    """A docstring as Sphinx should read it.

    Bars (``|w|``) and underscores at the end of a name (``fill_``) are text; ``[key]_`` is a
    citation. Doctests, indented blocks after ``::``, literals and roles stay as they are.

    Args:
        lines: the docstring.

    Returns:
        As many lines.

    >>> plain(["|w| of torch.fill_ is ``|w|`` :math:`|w|`", ">>> |a|", "", "|b|"])
    ['\\\\|w\\\\| of torch.fill\\\\_ is ``|w|`` :math:`|w|`', '>>> |a|', '', '\\\\|b\\\\|']
    >>> plain(["N(0, ``s``²)"])
    ['N(0, ``s``\\\\ ²)']
    >>> plain(["|a| of :math:`|b| +", "|c|`"])
    ['\\\\|a\\\\| of :math:`|b| +', '|c|`']
    """
    lines = _formulas_indented(lines)
    answer: list[str] = []
    prose: list[str] = []  # together, for a role may go on in the next line
    doctest, block = False, -1
    for line in lines:
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if block >= 0 and stripped and indent <= block:
            block = -1
        doctest = (doctest and bool(stripped)) or stripped.startswith(">>>")
        if doctest or block >= 0:
            answer += [*_escaped(prose), line]
            prose = []
            continue
        prose.append(line)
        if stripped.endswith("::") or stripped.startswith(".. "):
            answer += [*_escaped(prose[:-1]), line]
            prose, block = [], indent
    return citations.in_docstring([*answer, *_escaped(prose)])


def _formulas_indented(lines: list[str]) -> list[str]:
    """A formula that goes on in the next line at the depth of its directive, as in text that was
    wrapped, is moved inside it.

    >>> _formulas_indented([".. math:: a", "+ b", "", "text"])
    ['.. math:: a', '    + b', '', 'text']
    """
    answer, depth = [], -1
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            depth = -1
        inside = depth >= 0 and indent <= depth
        answer.append("    " + line if inside else line)
        if line.strip().startswith(".. math::"):
            depth = indent
    return answer


def _escaped(lines: list[str]) -> list[str]:
    if not lines:
        return []
    pieces = _LITERAL.split("\n".join(lines))
    marked = (
        p if i % 2 else _REFERENCE.sub(r"\\_", _BAR.sub(r"\\|", p)) for i, p in enumerate(pieces)
    )
    return _BEFORE_A_LETTER.sub(r"\1\\ ", "".join(marked)).split("\n")
