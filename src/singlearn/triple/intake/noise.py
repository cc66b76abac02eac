"""The noise of a regression, where it is not one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.triple.intake.arrays import as_array


def noise_of_each(scale: Any, shape: tuple[int, ...]) -> Float[np.ndarray, "n ..."]:
    """Standard deviations of the shape of the outputs.

    Args:
        scale: of shape (n,), (n, 1), (M,), (1, M) or (n, M).
        shape: of the outputs, (n,) or (n, M).

    Returns:
        The array, of shape ``shape``.

    Raises:
        ValueError: an entry that is not positive and finite, a shape that does not fit, or (n,)
            where n = M leaves open what it means.

    >>> noise_of_each([1.0, 2.0], (3, 2)).tolist()
    [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]
    """
    array = as_array(scale, "scale")
    if np.iscomplexobj(array) or array.dtype == bool or not (array > 0).all():
        bad = array if np.iscomplexobj(array) or array.dtype == bool else array[~(array > 0)]
        raise ValueError(
            f"scale: got {bad.ravel()[0]} among its entries; they should be positive standard "
            f"deviations"
        )
    fits = f"it should be one number, or of the shape of y, {shape}"
    if len(shape) == 2 and array.ndim == 1 and array.shape != (1,):
        n, outputs = shape
        if n == outputs and len(array) == n:
            raise ValueError(
                f"scale: got shape ({n},) for y of shape {shape}, which could be one of each "
                f"observation or of each output; "
                f"give it as ({n}, 1) or (1, {n})"
            )
        if len(array) == n:
            array = array[:, None]
        elif len(array) != outputs:
            raise ValueError(f"scale: got shape {array.shape}; {fits}, ({n},) or ({outputs},)")
    try:
        return np.broadcast_to(array.astype(float), shape).copy()
    except ValueError as error:
        raise ValueError(f"scale: got shape {array.shape}; {fits}") from error
