"""What every answer can do, whatever it says."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from singlearn.results.caution import Caution
from singlearn.results.document import plain
from singlearn.results.prompt import LONGEST, Shown, record, shortened


@runtime_checkable
class Result(Protocol):
    """Every public answer.

    ``str(x)`` is what a person reads, under 2,000 characters; ``repr`` and ``_repr_html_`` show the
    same; ``to_dict()`` is what ``--json`` prints; ``cautions`` says what may be wrong with it.

    >>> from singlearn.results.estimate import Estimate
    >>> isinstance(Estimate(0.5, 0.1), Result), isinstance(0.5, Result)
    (True, False)
    """

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What may be wrong with the answer; empty where nothing is known to be."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The answer for machines: what JSON can say."""
        ...

    def _repr_html_(self) -> str: ...


@runtime_checkable
class Measured(Result, Protocol):
    """An answer that is one number with the error that was seen."""

    @property
    def value(self) -> float:
        """The number."""
        ...

    @property
    def standard_error(self) -> float:
        """Its standard error."""
        ...


@runtime_checkable
class Tabled(Result, Protocol):
    """An answer that is a table: ``table()`` is a ``pandas.DataFrame``."""

    def table(self) -> Any:
        """The answer as a ``pandas.DataFrame``."""
        ...


@runtime_checkable
class Pictured(Result, Protocol):
    """An answer of which a picture says more."""

    def plot(self) -> Any:
        """The picture of the answer, a Matplotlib figure."""
        ...


# What the line beneath a cut text takes besides the words on where the rest is.
ENOUGH_FOR_THE_REST = 40
MOST_REASONS = 400


class _NoCautions:
    """``()`` on an object. On the class it is absent, so that a dataclass whose subclasses declare
    ``cautions`` as a field does not take it for their default.
    """

    def __get__(self, answer: object, kind: type | None = None) -> tuple[Caution, ...]:
        if answer is None:
            raise AttributeError("cautions")
        return ()


class Answer(Shown):
    """The base of answers: no cautions, and the fields as text and as document, unless a class says
    more. A class whose text may be long writes it as ``summary``; ``str`` is at most its first
    lines.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Half(Answer):
    ...     value: float
    >>> Half(0.5), Half(0.5).cautions, Half(0.5).to_dict()
    (Half(value=0.5), (), {'value': 0.5})
    """

    if TYPE_CHECKING:

        @property
        def cautions(self) -> tuple[Caution, ...]:
            """What may be wrong with the answer."""
            ...
    else:
        cautions = _NoCautions()

    def summary(self) -> str:
        """All of it, for people."""
        return record(self)

    def __str__(self) -> str:
        text, where = self.summary(), "summary() shows all"
        if len(text) > LONGEST - ENOUGH_FOR_THE_REST and self.cautions:
            # Cautions stand beneath the numbers: none is cut away without a word.
            reasons = ", ".join(dict.fromkeys(str(caution.reason) for caution in self.cautions))
            named = reasons if len(reasons) < MOST_REASONS else f"{len(self.cautions)} of them"
            where = f"cautions: {named}; {where}"
        # Shorter than what a prompt cuts, so that it is not cut twice.
        return shortened(text, LONGEST - ENOUGH_FOR_THE_REST - len(where), where)

    def to_dict(self) -> dict[str, Any]:
        """The fields for machines; those that are not shown are left out, functions are named."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {f.name: plain(getattr(self, f.name)) for f in fields if f.repr}
