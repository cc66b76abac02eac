"""An answer that is one rational number, wherever Python or SymPy asks for a number."""

from __future__ import annotations

import numbers
import operator
from abc import abstractmethod
from collections.abc import Callable
from fractions import Fraction
from math import inf, nan
from typing import Any

Number = Fraction | float


class KnownNumber:
    """A class whose objects compute as the number that they hold.

    ``Fraction(x)``, ``float(x)``, ``x + 1``, ``x < 2`` and ``sympy.Integer(2) * x`` work; what has
    no number refuses them.

    >>> class Half(KnownNumber):
    ...     def number(self): return Fraction(1, 2)
    >>> Fraction(Half()), 1 + Half(), 2 * Half() == 1, Half() < 1, f"{Half():.3f}"
    (Fraction(1, 2), Fraction(3, 2), True, True, '0.500')
    """

    @abstractmethod
    def number(self) -> Number:
        """The number, a ``Fraction`` or infinity.

        Raises:
            ValueError: it is not known.
        """

    @property
    def numerator(self) -> int | float:
        """That of the fraction; what is not known, or infinite, has ``nan`` and no denominator.

        ``Fraction(1, 2) == x`` asks for the numerator first, and a comparison for equality has an
        answer where x is not known: no.
        """
        try:
            return self._fraction().numerator
        except (ValueError, OverflowError):
            return nan

    @property
    def denominator(self) -> int:
        """The positive denominator of the number in lowest terms."""
        return self._fraction().denominator

    def as_integer_ratio(self) -> tuple[int, int]:
        """Numerator and denominator, as numbers of Python give them."""
        return self._fraction().as_integer_ratio()

    def _fraction(self) -> Fraction:
        value = self.number()
        if value == inf:
            raise OverflowError("it is infinite; no fraction is")
        return Fraction(value)

    def __float__(self) -> float:
        return float(self.number())

    def __format__(self, form: str) -> str:
        if form and form[-1] in "eEfFgGn%":
            return format(float(self), form)
        return format(str(self), form)

    def _sympy_(self) -> Any:
        import sympy  # half a second, for those who have loaded it anyway

        value = self.number()
        if value == inf:
            return sympy.oo
        exact = Fraction(value)
        return sympy.Rational(exact.numerator, exact.denominator)

    def _with(self, other: Any, function: Callable[[Any, Any], Any]) -> Any:
        value = _value(other)
        return NotImplemented if value is None else function(self.number(), value)

    def _after(self, other: Any, function: Callable[[Any, Any], Any]) -> Any:
        value = _value(other)
        return NotImplemented if value is None else function(value, self.number())

    def __add__(self, other: Any) -> Any:
        return self._with(other, operator.add)

    def __radd__(self, other: Any) -> Any:
        return self._after(other, operator.add)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        return self._after(other, operator.sub)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, operator.mul)

    def __rmul__(self, other: Any) -> Any:
        return self._after(other, operator.mul)

    def __truediv__(self, other: Any) -> Any:
        return self._with(other, operator.truediv)

    def __rtruediv__(self, other: Any) -> Any:
        return self._after(other, operator.truediv)

    def __pow__(self, other: Any) -> Any:
        return self._with(other, operator.pow)

    def __rpow__(self, other: Any) -> Any:
        return self._after(other, operator.pow)

    def __neg__(self) -> Number:
        return -self.number()

    def __pos__(self) -> Number:
        return self.number()

    def __abs__(self) -> Number:
        value = self.number()
        return -value if value < 0 else value

    def __lt__(self, other: Any) -> Any:
        return self._with(other, operator.lt)

    def __le__(self, other: Any) -> Any:
        return self._with(other, operator.le)

    def __gt__(self, other: Any) -> Any:
        return self._with(other, operator.gt)

    def __ge__(self, other: Any) -> Any:
        return self._with(other, operator.ge)


def _value(other: Any) -> Number | int | None:
    """A number of Python, or that of another answer; ``None`` for whatever computes by itself."""
    if isinstance(other, KnownNumber):
        return other.number()
    # Booleans are no numbers here; SymPy's are not Python's, and come back by ``_sympy_``.
    if isinstance(other, (int, float, Fraction)) and not isinstance(other, bool):
        return other
    return None


numbers.Rational.register(KnownNumber)  # type: ignore[type-abstract]
