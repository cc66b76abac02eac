r"""The posterior of A alone: B given A is Gaussian, so that it is integrated out and no draws of it
are needed.

With :math:`h_i` = ReLU(A z_i), or A z_i, as rows of H and the outputs as rows of Y, :math:`S = I +
H^T H` and :math:`C = H^T Y`,

.. math:: p(Y \mid A) = (2π)^{-3n/2} \det(S)^{-3/2} \exp\left(-\tfrac12 \left[|Y|^2 - \operatorname{tr} C^T S^{-1} C\right]\right).
"""  # noqa: E501

from __future__ import annotations

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.experiments.wei2022.last_layers.cell import INPUTS, RANK, hidden
from singlearn.experiments.wei2022.last_layers.density import NORMALISATION, log_average_of_chunks
from singlearn.experiments.wei2022.last_layers.observations import observations
from singlearn.triple import Triple


def posterior_of_first(
    z: Float[np.ndarray, "3 n"], y: Float[np.ndarray, "3 n"], relu: bool
) -> Triple:
    """A with prior N(0, 1), given features z and outputs y; all outputs together are one
    observation.
    """
    z, y = observations(z, y, relu)
    return _model(relu).with_data((z[None], y[None]))


@lru_cache(maxsize=2)
def _model(relu: bool) -> Triple:
    def log_likelihood(
        A: Float[Array, "3 3"],
        data: tuple[Float[Array | np.ndarray, "1 n 3"], Float[Array | np.ndarray, "1 n 3"]],
    ) -> Float[Array, " 1"]:
        z, y = jnp.asarray(data[0][0]), jnp.asarray(data[1][0])
        h = hidden(A, z.T, relu)
        inverse, determinant = _inverse(jnp.eye(RANK) + h @ h.T)
        cross = h @ y
        squares = jnp.sum(y**2) - jnp.sum(cross * (inverse @ cross))
        return (-0.5 * squares - 0.5 * INPUTS * jnp.log(determinant) - len(y) * NORMALISATION)[None]

    return Triple(
        log_likelihood,
        dist.Normal(0.0, 1.0).expand([RANK, INPUTS]),
        (np.zeros((1, 2, INPUTS)), np.zeros((1, 2, INPUTS))),
        name="first of the last two layers",
    )


def _inverse(matrix: Float[Array, "3 3"]) -> tuple[Float[Array, "3 3"], Float[Array, ""]]:
    """Inverse and determinant of a symmetric matrix, by cross products: LAPACK's would run
    particles one after the other.
    """
    a, b, c = matrix
    adjugate = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)])
    determinant = jnp.dot(a, adjugate[0])
    return adjugate / determinant, determinant


def log_average(
    A: Float[np.ndarray, "draws 3 3"],
    z: Float[np.ndarray, "3 n"],
    y: Float[np.ndarray, "3 n"],
    z_test: Float[np.ndarray, "3 tests"],
    y_test: Float[np.ndarray, "3 tests"],
    relu: bool,
) -> Float[np.ndarray, " tests"]:
    r"""The logarithm of the average over draws of A of :math:`p(y \mid x, A, Y) = N(y; C^T S^{-1}
    h, (1 + h^T S^{-1} h) I)`.
    """
    h = np.matmul(A, z.astype(float))
    if relu:
        h = np.maximum(h, 0.0)
    inverse = np.linalg.inv(np.eye(RANK) + h @ h.transpose(0, 2, 1))
    centre = (inverse @ (h @ y.T.astype(float))).transpose(0, 2, 1)
    # h'S⁻¹h as the squared length of L'h, which single precision cannot make negative.
    factor = np.linalg.cholesky(inverse).transpose(0, 2, 1)
    single = [jnp.asarray(leaf, jnp.float32) for leaf in (A, centre, factor, z_test, y_test)]
    return np.asarray(_log_average(*single, relu=relu), dtype=float)


def _log_average_of(
    A: Float[Array, "draws 3 3"],
    centre: Float[Array, "draws 3 3"],
    factor: Float[Array, "draws 3 3"],
    z: Float[Array, "3 tests"],
    y: Float[Array, "3 tests"],
    relu: bool,
) -> Float[Array, " tests"]:
    def times(matrices: Array, vectors: Array) -> Array:
        # (draws, 3, 3) times (draws, 3, tests), entry by entry: batched products of matrices this
        # small are slow.
        return jnp.stack(
            [
                sum((matrices[:, i, j, None] * vectors[:, j] for j in range(RANK)), jnp.zeros(()))
                for i in range(RANK)
            ],
            axis=1,
        )

    def log_sum(inputs: Array, observed: Array) -> Array:
        h = (A.reshape(-1, INPUTS) @ inputs).reshape(len(A), RANK, -1)
        if relu:
            h = jax.nn.relu(h)
        variance = 1 + jnp.sum(times(factor, h) ** 2, axis=1)
        squares = jnp.sum((observed - times(centre, h)) ** 2, axis=1)
        return jax.nn.logsumexp(
            -0.5 * squares / variance - 0.5 * INPUTS * jnp.log(variance), axis=0
        )

    return log_average_of_chunks(log_sum, len(A), z, y)


_log_average = jax.jit(_log_average_of, static_argnames="relu")
