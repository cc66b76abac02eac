"""How an answer shows itself at a prompt and in a notebook."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import Any

LONGEST = 1900
"""Characters that an answer shows of itself unasked; ``print`` shows all of it."""

LONGEST_FIELD = 80

LONG_LIST = 1400
"""Characters of the part of an answer that may be any number of lines: all of it is in a field."""


class Shown:
    """A class whose objects show at a prompt what ``str`` says of them; where it says nothing,
    their fields, arrays by shape.

    It may be the base of a dataclass: the representation that ``dataclass`` would make, with every
    number of every array, is not made.

    >>> import numpy as np
    >>> @dataclasses.dataclass(frozen=True)
    ... class Draws(Shown):
    ...     beta: float
    ...     energies: np.ndarray
    >>> Draws(1.0, np.zeros((4, 512)))
    Draws(beta=1.0, energies=float64[4, 512])
    """

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        # dataclass leaves alone what the class itself defines.
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Shown.__repr__  # type: ignore[method-assign]

    def __str__(self) -> str:
        return record(self)

    def __repr__(self) -> str:
        try:
            return shortened(self._at_a_prompt())
        except Exception as error:  # a debugger shows half-made objects too
            return f"<{type(self).__name__}: {type(error).__name__}: {error}>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    def _at_a_prompt(self) -> str:
        """What is shown unasked; other than ``str`` where that would compute for long."""
        return str(self)


def shortened(text: str, longest: int = LONGEST, where: str = "print shows all") -> str:
    r"""The first lines of a text, and how many more there are.

    Returns:
        The text, with a last line where something was left out.

    >>> print(shortened("one\ntwo\nthree", 12))
    one
    two
    … (1 more line; print shows all)
    """
    if len(text) <= longest:
        return text
    lines = text.split("\n")
    if len(lines) == 1:
        return f"{text[:longest]} … ({where})"
    kept, length = 0, 0
    while length + len(lines[kept]) < longest:
        length += len(lines[kept]) + 1
        kept += 1
    more = len(lines) - kept
    return "\n".join([*lines[:kept], f"… ({more} more line{'s' if more > 1 else ''}; {where})"])


def record(thing: Any) -> str:
    """The fields of a dataclass with what they hold in few words, in one line or one line each."""
    parts = [
        f"{f.name}={in_few_words(getattr(thing, f.name))}"
        for f in dataclasses.fields(thing)
        if f.repr
    ]
    name, line = type(thing).__name__, ", ".join(parts)
    if len(line) < 100:
        return f"{name}({line})"
    return f"{name}(\n" + "".join(f"  {part},\n" for part in parts) + ")"


def in_few_words(value: Any, depth: int = 0) -> str:
    """A value in one line: numbers as they are, arrays by type and shape, functions by name, few
    items of many.

    Returns:
        One line.

    >>> in_few_words({"a": Fraction(1, 2), "b": [1, 2, 3, 4, 5, 6], "c": len})
    "{'a': 1/2, 'b': [1, 2, 3, 4, … 6 in all], 'c': len}"
    """
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (Fraction, type)):
        return str(value) if isinstance(value, Fraction) else value.__name__
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_FIELD else value[: LONGEST_FIELD - 1] + "…")
    shape, kind = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and kind is not None:
        kind = str(kind).removeprefix("torch.")
        return f"{kind}[{', '.join(map(str, shape))}]" if shape else f"{value}"
    if isinstance(value, (list, tuple, set, frozenset, Mapping)) and not isinstance(value, Shown):
        return _items(value, depth)
    if isinstance(value, Shown) and hasattr(value, "standard_error"):
        return _clipped(str(value).split("\n")[0])  # a number with its error
    if isinstance(value, Shown):
        return _clipped(str(value).split("\n")[0] if depth else f"<{type(value).__name__}>")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return (
            _clipped(repr(value)) if type(value).__str__ is object.__str__ else _clipped(str(value))
        )
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__)
    return _clipped(repr(value))


def _items(value: Any, depth: int) -> str:
    first, last = (
        ("{", "}")
        if isinstance(value, (Mapping, set, frozenset))
        else ("(", ")")
        if isinstance(value, tuple)
        else ("[", "]")
    )
    if depth > 1:
        return f"{first}… {len(value)} in all{last}" if value else first + last
    shown = list(value.items() if isinstance(value, Mapping) else value)[:4]
    words = [
        f"{item[0]!r}: {in_few_words(item[1], depth + 1)}"
        if isinstance(value, Mapping)
        else in_few_words(item, depth + 1)
        for item in shown
    ]
    more = [f"… {len(value)} in all"] if len(value) > len(shown) else []
    return first + ", ".join([*words, *more]) + last


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_FIELD else line[: LONGEST_FIELD - 1] + "…"
