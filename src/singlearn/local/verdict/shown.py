"""Rows for people with their cautions, as many as fit, and numbers for machines."""

from __future__ import annotations

import math
from collections.abc import Sequence

from singlearn.results.caution import Caution, said
from singlearn.results.prompt import LONGEST


def with_cautions(rows: Sequence[str], cautions: Sequence[Caution]) -> str:
    """Rows and as many cautions as fit into what an answer shows of itself, and the number of the
    others.

    >>> from singlearn.results.caution import Reason
    >>> twice = [Caution(Reason.SLOW, "long " * 200)] * 3
    >>> print(with_cautions(["λ̂ = 1"], twice).splitlines()[-1])
      … and 2 more cautions, in .cautions
    """
    text = "\n".join(rows)
    for shown, sentence in enumerate(said(tuple(cautions))):
        line = f"\n{sentence}"
        if len(text) + len(line) > LONGEST:
            left = len(cautions) - shown
            return f"{text}\n  … and {left} more caution{'s' if left > 1 else ''}, in .cautions"
        text += line
    return text


def number(value: float) -> float | None:
    """A number for machines; ``None`` where it is not finite."""
    return float(value) if math.isfinite(value) else None
