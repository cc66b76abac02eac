"""Estimates in files: with their replicates, so that what is read back is the same."""

from __future__ import annotations

import math
from typing import Any, overload

from singlearn.results.estimate import Estimate


def document_of(estimate: Estimate | None) -> dict[str, Any] | None:
    """Plain data of an estimate; ``None`` for none. An unknown error is ``None`` as well, for JSON
    has no NaN.

    Returns:
        Value, error and replicates.

    >>> document_of(Estimate(1.0, math.nan))
    {'value': 1.0, 'standard_error': None, 'replicates': []}
    """
    if estimate is None:
        return None
    error = estimate.standard_error if math.isfinite(estimate.standard_error) else None
    return {
        "value": estimate.value,
        "standard_error": error,
        "replicates": list(estimate.replicates),
    }


@overload
def estimate_from(document: dict[str, Any]) -> Estimate: ...
@overload
def estimate_from(document: None) -> None: ...
def estimate_from(document: dict[str, Any] | None) -> Estimate | None:
    """The estimate that :func:`document_of` wrote.

    Returns:
        The estimate, or ``None`` where there was none.

    >>> estimate = Estimate(1.0, 0.5, (0.5, 1.5))
    >>> estimate_from(document_of(estimate)) == estimate
    True
    """
    if document is None:
        return None
    error = document["standard_error"]
    return Estimate(
        document["value"],
        math.nan if error is None else error,
        tuple(document["replicates"]),
    )
