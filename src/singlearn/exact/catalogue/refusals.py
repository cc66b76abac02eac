"""What every formula refuses."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from singlearn.exact.coefficient import ExactCoefficient
from singlearn.running.arguments import whole_number

Formula = TypeVar("Formula", bound=Callable[..., ExactCoefficient])


def in_whole_numbers(formula: Formula) -> Formula:
    """A formula whose sizes are Python's whole numbers, whatever they came as: 2.0, NumPy's
    integers.

    >>> @in_whole_numbers
    ... def regular(dimension: int) -> ExactCoefficient:
    ...     return ExactCoefficient(Fraction(dimension, 2), 1, "", "")
    >>> from fractions import Fraction
    >>> str(regular(4.0).value)
    '2'
    """
    signature = inspect.signature(formula)
    sizes = [name for name, p in signature.parameters.items() if p.annotation in (int, "int")]
    lists = [name for name, p in signature.parameters.items() if p.annotation == "Sequence[int]"]

    @wraps(formula)
    def read(*args: object, **kwargs: object) -> ExactCoefficient:
        given = signature.bind(*args, **kwargs)
        for name in sizes:
            if name in given.arguments:
                given.arguments[name] = whole_number(name, given.arguments[name], at_least=0)
        for name in lists:
            values = given.arguments[name]
            if isinstance(values, str) or not hasattr(values, "__iter__"):
                raise ValueError(f"{name}: got {values!r}; it should be a list of whole numbers")
            given.arguments[name] = [
                whole_number(f"{name}[{i}]", v, at_least=0) for i, v in enumerate(values)
            ]
        return formula(*given.args, **given.kwargs)

    return read  # type: ignore[return-value]


def require_at_least(argument: str, value: int, minimum: int) -> None:
    """Raise ``ValueError`` naming the argument when it is not a whole number ≥ ``minimum``.

    >>> require_at_least("hidden", 0, 1)
    Traceback (most recent call last):
    ValueError: hidden: got 0; it should be a whole number, at least 1
    """
    whole_number(argument, value, at_least=minimum)


def require_rank(rank: int, widths: list[int]) -> None:
    """Raise ``ValueError`` unless a product through layers of these widths can have this rank."""
    require_at_least("rank", rank, 0)
    if rank > min(widths):
        raise ValueError(
            f"rank: got {rank}; the true map has to fit through the narrowest width, so at most "
            f"{min(widths)}"
        )


def require_components(argument: str, components: int, true_components: int) -> None:
    """Raise ``ValueError`` unless both are whole numbers ≥ 1 and the model's mixture can contain
    the true one.
    """
    require_at_least("true_components", true_components, 1)
    require_at_least(argument, components, 1)
    if components < true_components:
        raise ValueError(
            f"{argument}: got {components}; to contain the truth it should be at least its "
            f"{true_components} components"
        )
