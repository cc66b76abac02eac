"""How results of this room are written: rows for people with their cautions, and plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from singlearn.results.caution import Caution, Reason
from singlearn.results.prompt import LONGEST


def with_cautions(rows: Sequence[str], cautions: Sequence[Caution]) -> str:
    """Rows and as many cautions as fit into what an answer shows of itself, and the number of the
    others.

    >>> twice = [Caution(Reason.SLOW, "long " * 200)] * 3
    >>> print(with_cautions(["λ̂ = 1"], twice)[-40:])
      … and 2 more cautions, in .cautions
    """
    text = "\n".join(rows)
    for shown, caution in enumerate(cautions):
        line = f"\n  warning: {caution}"
        if len(text) + len(line) > LONGEST:
            left = len(cautions) - shown
            return f"{text}\n  … and {left} more caution{'s' if left > 1 else ''}, in .cautions"
        text += line
    return text


def number(value: float) -> float | None:
    """A number for machines; ``None`` where it is not finite."""
    return float(value) if math.isfinite(value) else None


def caution_document(caution: Caution) -> dict[str, Any]:
    """A caution for machines."""
    return {"reason": str(caution.reason), "message": caution.message}


def caution_of(document: dict[str, Any]) -> Caution:
    """What :func:`caution_document` wrote."""
    return Caution(Reason(document["reason"]), document["message"])
