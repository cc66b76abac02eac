"""What a family of models is: one log likelihood, written twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

Parameters = Mapping[str, Any]
Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class LikelihoodFamily:
    r"""One log likelihood, in JAX for samplers that differentiate it and in NumPy for those that do
    not. The two are separate programs: the truths are computed with NumPy, our own engine runs on
    JAX, and where they differ the scores say so.

    Attributes:
        name: as the files of problems have it.
        sentence: the model in one line.
        is_population: the energy is :math:`n K(w)`, without data.
        jax: ``jax(w, data, constants)``: the log likelihood of each observation in nats, or K(w).
        numpy: ``numpy(w, data, constants)`` for arrays with one leading axis of a batch: the log
            likelihood of all observations, or K(w), one number for each member of the batch.
        stan: the lines of Stan that add to ``log_likelihood`` (of a population: that set K), and
            those before them; ``None`` where nobody wrote them.
    """

    name: str
    sentence: str
    is_population: bool
    jax: Callable[[Parameters, Arrays, Arrays], Any]
    numpy: Callable[[Parameters, Arrays, Arrays], Float[np.ndarray, " batch"]]
    stan: Callable[[Arrays], str] | None = None
