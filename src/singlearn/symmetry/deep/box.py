"""A box of inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float


def box_corners(
    box: tuple[Any, Any], inputs: int
) -> tuple[Float[np.ndarray, " inputs"], Float[np.ndarray, " inputs"]]:
    """The lower and the upper corner of ``box``, given as two numbers (the same for every input) or
    two vectors.

    Raises:
        ValueError: not two ends, the wrong length, an end that is not finite, or an empty interior.

    >>> box_corners((0, [1, 2]), 2)
    (array([0., 0.]), array([1., 2.]))
    """
    if not isinstance(box, (tuple, list)) or len(box) != 2:
        raise ValueError(
            f"box: got {box!r}; it should be a pair (lower, upper), each a number or one number "
            f"per input"
        )
    ends = []
    for name, end in zip(("lower", "upper"), box, strict=True):
        try:
            ends.append(np.broadcast_to(np.asarray(end, dtype=np.float64), (inputs,)).copy())
        except (TypeError, ValueError):
            raise ValueError(
                f"box: its {name} end should be a number or {inputs} numbers, one per input"
            ) from None
        if not np.all(np.isfinite(ends[-1])):
            raise ValueError(f"box: its {name} end is not finite; give a bounded box")
    empty = np.flatnonzero(ends[0] >= ends[1])
    if len(empty):
        i = int(empty[0])
        raise ValueError(
            f"box: input {i} runs from {ends[0][i]} to {ends[1][i]}; lower should be below upper"
        )
    return ends[0], ends[1]
