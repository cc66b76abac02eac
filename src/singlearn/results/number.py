"""Answers that are a number with an error, where Python asks for a number or for digits."""

from __future__ import annotations


class WithError:
    """A class with ``value`` and ``standard_error``: ``float(x)`` is the value, and a format shows
    both.

    Answers do not subtract or compare: their errors may have a common source, which two numbers do
    not tell.

    >>> class Answer(WithError):
    ...     value, standard_error = 1.25, 0.5
    >>> float(Answer()), f"{Answer():.1f}"
    (1.25, '1.2 ± 0.5')
    """

    value: float
    standard_error: float

    def __float__(self) -> float:
        return float(self.value)

    def __format__(self, form: str) -> str:
        if not form or form[-1] not in "eEfFgGn%":
            return format(str(self), form)
        return f"{self.value:{form}} ± {self.standard_error:{form}}"
