"""The laws of a network, as they were found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from singlearn.flow.law import Law
from singlearn.results.document import of_each
from singlearn.results.result import Answer


@dataclass(frozen=True)
class Broken(Answer):
    r"""A law that a norm would have with ε = 0, and does not have.

    With n the normalised vector of one input, :math:`\langle ∂L/∂x, x \rangle = \langle ∂L/∂n, n
    \rangle\, ε/(var + ε)` where 1 scale of x is free; so, for example, :math:`d|w|^2/dt = -2 \sum_s
    \langle ∂L/∂n_s, n_s \rangle\, ε/(var_s + ε)`.

    Attributes:
        law: what would stay.
        why: the norms that break it.
        rate: :math:`dQ/dt` under the gradient flow of a loss, given that loss as a function of the
            network's output (and the inputs that were given, or others).
    """

    law: Law
    why: str
    rate: Callable[..., Any]

    def summary(self) -> str:
        """All of it, for people."""
        return f"{self.law.formula}: broken by {self.why}"

    def to_dict(self) -> dict[str, Any]:
        """For machines; the rate is a function and not in it."""
        return {"formula": self.law.formula, "why": self.why}


@dataclass(frozen=True)
class Laws(Answer):
    """The laws of a network, and where there are none.

    Attributes:
        laws: their parameters have the network's names.
        without: sentences on layers that have no law, and why.
        not_understood: sentences on what could not be read, of which no law is claimed.
        broken: laws that the ε of a norm breaks, with their rates.
        checked: the largest violation that automatic differentiation found, relative to
            rounding-free sizes; None where laws come from a description.
    """

    laws: tuple[Law, ...]
    without: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()
    broken: tuple[Broken, ...] = ()
    checked: float | None = None

    def summary(self) -> str:
        """All of it, for people."""
        lines = [str(law) for law in self.laws] or ["no law"]
        more = [
            *self.without,
            *(f"not understood: {text}" for text in self.not_understood),
            *map(str, self.broken),
        ]
        return "\n".join([*lines, *more])

    def __iter__(self) -> Any:
        return iter(self.laws)

    def __len__(self) -> int:
        return len(self.laws)

    def __getitem__(self, which: int | str) -> Law:
        """A law by its place or its formula.

        Args:
            which: place or formula.

        Raises:
            ValueError: no law has that formula.
        """
        if isinstance(which, int):
            return self.laws[which]
        found = [law for law in self.laws if law.formula == which]
        if not found:
            raise ValueError(
                f"law: the network has no {which!r}; its laws are "
                f"{', '.join(repr(law.formula) for law in self.laws) or 'none'}"
            )
        return found[0]

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "laws": of_each(self.laws),
            "without": list(self.without),
            "not_understood": list(self.not_understood),
            "broken": of_each(self.broken),
        }
