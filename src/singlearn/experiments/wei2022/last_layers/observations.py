"""Features and outputs as the last two layers see them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.experiments.wei2022.last_layers.cell import INPUTS


def observations(
    z: Float[np.ndarray, "3 n"], y: Float[np.ndarray, "3 n"], relu: bool
) -> tuple[Float[np.ndarray, "rows 3"], Float[np.ndarray, "rows 3"]]:
    r"""Features z and outputs y as rows, all of them or six that stand for all.

    Without ReLU the likelihood depends on sums of squares and products only: six observations with
    the same ones have the same posterior, at a cost that does not depend on n. Their free energy is
    that of all but for the constant of the others, :math:`\tfrac32 (n - 6) \log 2π`.
    """
    z, y = z.T.astype(float), y.T.astype(float)
    if relu:
        return z, y
    small = np.asarray(np.linalg.qr(np.concatenate([z, y], axis=1), mode="r"))
    return small[:, :INPUTS], small[:, INPUTS:]
