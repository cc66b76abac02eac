"""The sixteen cells: a network h(g(x)), a truth, data sets, and where training starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from singlearn.running import identity
from singlearn.running.identity import Part

Version = Literal["as-stated", "as-published"]
INPUTS = 3
HIDDEN = 5
RANK = 3
TRUE_SCALE = 0.2


@dataclass(frozen=True)
class LastLayersCell:
    """One subplot of the paper's figures.

    Attributes:
        layers: hidden layers of g as the text counts them, 1 or 5.
        relu: whether h is B ReLU(A x), or else B A x.
        realisable: whether the truth is a network of the model, or else :math:`B_0 A_0 x`.
        minibatch: whether training takes 32 observations a step, or all.
    """

    layers: int
    relu: bool
    realisable: bool
    minibatch: bool

    @property
    def name(self) -> str:
        """In the paper's words."""
        return (
            f"{self.layers} hidden layer{'s' if self.layers > 1 else ''} in g, "
            f"{'ReLU' if self.relu else 'identity'} in h, "
            f"{'realisable' if self.realisable else 'not realisable'}, "
            f"{'minibatch' if self.minibatch else 'full batch'}"
        )

    @property
    def table(self) -> int:
        """The number of the paper's table."""
        return {(True, False): 1, (True, True): 3, (False, False): 4, (False, True): 5}[
            self.realisable, self.minibatch
        ]


CELLS = tuple(
    LastLayersCell(layers, relu, realisable, minibatch)
    for realisable, minibatch, relu, layers in product(
        (True, False), (False, True), (False, True), (1, 5)
    )
)


class LastLayersNetwork(NamedTuple):
    """Parameters of as many networks as there are data sets; samples are columns, so that
    arithmetic runs along them.

    Attributes:
        g: one matrix a layer of g, its last column the bias.
        A: first matrix of h.
        B: second matrix of h.
    """

    g: tuple[Float[Any, "sets out in_and_one"], ...]
    A: Float[Any, "sets 3 3"]
    B: Float[Any, "sets 3 3"]


class DataSets(NamedTuple):
    """Data sets of one size, a network to start each training from, and a test set for each."""

    start: LastLayersNetwork
    x: Float[np.ndarray, "sets 3 n"]
    y: Float[np.ndarray, "sets 3 n"]
    x_test: Float[np.ndarray, "sets 3 tests"]
    y_test: Float[np.ndarray, "sets 3 tests"]
    log_q: Float[np.ndarray, "sets tests"]
    untrained: LastLayersNetwork


def features(
    network: LastLayersNetwork, x: Float[Array | np.ndarray, "sets 3 n"]
) -> Float[Array, "sets 3 n"]:
    """g(x): affine maps with ReLU between them."""
    h = jnp.asarray(x)
    for index, matrix in enumerate(network.g):
        h = matrix @ jnp.concatenate([h, jnp.ones_like(h[:, :1])], axis=1)
        if index < len(network.g) - 1:
            h = jax.nn.relu(h)
    return h


def hidden(
    A: Float[Array | np.ndarray, "*sets 3 3"], z: Float[Array, "*sets 3 n"], relu: bool
) -> Float[Array, "*sets 3 n"]:
    """ReLU(A z), or A z."""
    image = jnp.asarray(A) @ z
    return jax.nn.relu(image) if relu else image


def outputs(
    network: LastLayersNetwork, x: Float[Array | np.ndarray, "sets 3 n"], relu: bool
) -> Float[Array, "sets 3 n"]:
    """h(g(x))."""
    found: Float[Array, "sets 3 n"] = network.B @ hidden(network.A, features(network, x), relu)
    return found


def initial(generator: np.random.Generator, layers: int) -> LastLayersNetwork:
    r"""PyTorch's default for linear layers: weights and biases uniform on :math:`\pm
    1/\sqrt{\text{inputs}}`; one network.
    """
    widths = [INPUTS, *[HIDDEN] * layers, INPUTS]
    g = tuple(_uniform(generator, (1, out, inputs + 1), inputs) for inputs, out in pairwise(widths))
    return LastLayersNetwork(
        g,
        _uniform(generator, (1, RANK, INPUTS), INPUTS),
        _uniform(generator, (1, INPUTS, RANK), RANK),
    )


def _uniform(
    generator: np.random.Generator, shape: tuple[int, ...], inputs: int
) -> Float[np.ndarray, "..."]:
    return generator.uniform(-1.0, 1.0, shape).astype(np.float32) / np.float32(math.sqrt(inputs))


def data_sets(
    layers: int,
    relu: bool,
    realisable: bool,
    n: int,
    datasets: int,
    tests: int,
    seed: int,
    version: Version,
) -> DataSets:
    """Data sets with a truth drawn afresh for each; training by full batch and by minibatches get
    the same ones.
    """
    built = layers_built(layers, version)
    found = [
        _one(
            np.random.default_rng([seed, layers, relu, realisable, n, index]),
            built,
            relu,
            realisable,
            n,
            tests,
        )
        for index in range(datasets)
    ]
    return DataSets(
        *(
            jax.tree.map(lambda *parts: np.concatenate(parts), *each)
            for each in zip(*found, strict=True)
        )
    )


def identity_of_data(seed: int, version: Version) -> dict[str, Part]:
    """What data sets of a seed and version are drawn from, by small ones of both kinds."""
    found = {}
    for realisable in (True, False):
        data = data_sets(1, True, realisable, 8, 1, 8, seed, version)
        numbers = np.concatenate([np.ravel(part) for part in (data.x, data.y, data.log_q)])
        found[f"data sets, {'realisable' if realisable else 'not realisable'}"] = identity.values(
            numbers[None], "float32"
        )
    return found


def layers_built(layers: int, version: Version) -> int:
    """The published code repeats the hidden width once more than its argument says, so that "1" are
    two hidden layers and "5" six.
    """
    return layers + 1 if version == "as-published" else layers


def _one(
    generator: np.random.Generator, layers: int, relu: bool, realisable: bool, n: int, tests: int
) -> tuple[Any, ...]:
    x = generator.normal(size=(1, INPUTS, n + tests)).astype(np.float32)
    if realisable:
        mean = np.asarray(outputs(initial(generator, layers), jnp.asarray(x), relu))
    else:
        A, B = TRUE_SCALE * generator.normal(size=(2, 1, INPUTS, INPUTS)).astype(np.float32)
        mean = B @ (A @ x)
    noise = generator.normal(size=x.shape).astype(np.float32)
    y = mean + noise
    log_q = -0.5 * np.sum(noise[:, :, n:].astype(float) ** 2, axis=1) - 0.5 * INPUTS * math.log(
        2 * math.pi
    )
    start, untrained = initial(generator, layers), initial(generator, layers)
    return start, x[:, :, :n], y[:, :, :n], x[:, :, n:], y[:, :, n:], log_q, untrained
