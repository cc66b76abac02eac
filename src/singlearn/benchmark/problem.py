"""One problem: prior, log likelihood and data as functions for any sampler, and the truth."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Shaped

from singlearn.benchmark.priors import ParameterPrior
from singlearn.benchmark.truth import KnownCoefficient, KnownValue, Phase
from singlearn.results.result import Answer

if TYPE_CHECKING:
    from singlearn.benchmark.families import LikelihoodFamily
    from singlearn.triple import Triple

FORMAT = 1
FOLDER = Path(__file__).parent / "problems"
QUICK = (
    "polynomial-w4",
    "polynomial-x2y2",
    "polynomial-cusp",
    "polynomial-two-wells",
    "reduced-rank-2-2-2-rank-1",
    "tanh-2-zero-truth",
    "gaussian-mixture-2-equal-of-1",
    "hidden-markov-2-transitions",
    "spike-and-slab-6",
    "needle-2",
    "funnel-3",
    "linear-regression-3",
)
"""The twelve of ``--quick``: one of nearly every kind."""


@dataclass(frozen=True, eq=False)
class Problem(Answer):
    r"""A posterior :math:`p(w) ∝ φ(w)\,e^{-β E(w)}` with what is known about it.

    :math:`E(w) = n K(w)` for a population, :math:`-\sum_i \log p(y_i|w)` for data.

    Attributes:
        name: of the problem, and of its file.
        family: one of :data:`singlearn.benchmark.families.FAMILIES`.
        title: in one line.
        prior: of each array of parameters.
        constants: what the family needs besides.
        data: arrays whose first axis is the observation; empty for a population.
        n: number of observations, or the sample size of a population.
        inverse_temperatures: β at which things are known.
        learning_coefficient: λ and m, or ``None``.
        leading_constant: c of :math:`Z(N) ≈ c N^{-λ} (\log N)^{m-1}`, N = nβ, where it is known.
        known: every number that is known.
        phases: parts of the parameter space whose shares are known.
        minimum: a parameter with K = 0 at which the local λ is known, and that λ; or ``None``.
        licence: of the file.
        version: of the file; it changes when a number does.
        provenance: where the problem and its numbers are from.
    """

    name: str
    family: str
    title: str
    prior: tuple[ParameterPrior, ...]
    constants: Mapping[str, Any]
    data: Mapping[str, Shaped[np.ndarray, "n ..."]]
    n: float | int
    inverse_temperatures: tuple[float | int, ...]
    learning_coefficient: KnownCoefficient | None
    leading_constant: float | None
    known: tuple[KnownValue, ...]
    phases: tuple[Phase, ...]
    minimum: Mapping[str, Any] | None
    licence: str
    version: int
    provenance: str
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        coefficient = self.learning_coefficient
        known = (
            "λ not known"
            if coefficient is None
            else f"λ = {coefficient.value}, m = {coefficient.multiplicity}"
        )
        lines = [
            f"{self.name}: {self.title}",
            f"  family {self.family}, d = {self.dimension}, n = {self.n:g}, {known}",
        ]
        lines += [
            f"  {value.quantity.replace('_', ' ')}{f' of {value.of}' if value.of else ''} at "
            f"β = {value.inverse_temperature:g}: {value.value:.10g} ± {value.error:.1g} "
            f"({value.method})"
            for value in self.known
        ]
        return "\n".join([*lines, f"  {self.provenance}"])[:1900]

    @property
    def model(self) -> LikelihoodFamily:
        """The family of its likelihood."""
        from singlearn.benchmark.families import FAMILIES

        return FAMILIES[self.family]

    @property
    def is_population(self) -> bool:
        """Whether the energy is n K(w), without data."""
        return not self.data

    @property
    def dimension(self) -> int:
        """d; a vector on the simplex of K counts K - 1."""
        return sum(part.dimension for part in self.prior)

    # -- NumPy

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The data, with the arrays that some families need in place of data."""
        return {key: np.asarray(value) for key, value in self.data.items()}

    def log_likelihood(self, w: Mapping[str, Any]) -> float:
        """The log likelihood of a parameter in nats, in NumPy; of a population -n K(w).

        Returns:
            In nats.

        >>> problem = load("polynomial-x2y2")
        >>> problem.log_likelihood({"x": 0.1, "y": 0.1})
        -1.0...
        """
        return float(self.log_likelihoods({k: np.asarray(v)[None] for k, v in w.items()})[0])

    def log_likelihoods(self, w: Mapping[str, Any]) -> Float[np.ndarray, " batch"]:
        """The same of many parameters, with one leading axis."""
        found = np.asarray(self.model.numpy(w, self.arrays, self.constants), float)
        return -self.n * found if self.is_population else found

    def log_prior(self, w: Mapping[str, Any]) -> float:
        """The log density of the prior, in NumPy."""
        return float(sum(part.log_density(np.asarray(w[part.parameter])) for part in self.prior))

    def from_unit_cube(self, u: Float[np.ndarray, "*batch d"]) -> dict[str, np.ndarray]:
        """A parameter whose prior is this problem's, of a point that is uniform on the cube: the
        prior transform that nested samplers ask for. Leading axes are a batch.

        Returns:
            Arrays of the shape of the parameter, with the axes of the batch before.
        """
        u = np.asarray(u, float)
        ends = np.cumsum([part.dimension for part in self.prior])[:-1]
        pieces = np.split(u, ends, axis=-1)
        return {
            part.parameter: part.from_unit_cube(piece)
            for part, piece in zip(self.prior, pieces, strict=True)
        }

    def flat(self, w: Mapping[str, Any]) -> Float[np.ndarray, "*batch size"]:
        """All numbers of a parameter in one vector, those of a simplex all of them."""
        parts = []
        for part in self.prior:
            value = np.asarray(w[part.parameter], float)
            batch = value.shape[: value.ndim - len(part.whole_shape)]
            parts.append(value.reshape(*batch, part.size))
        return np.concatenate(parts, axis=-1)

    def from_flat(self, flat: Float[np.ndarray, "*batch size"]) -> dict[str, np.ndarray]:
        """The inverse of ``flat``."""
        flat = np.asarray(flat)
        ends = np.cumsum([part.size for part in self.prior])[:-1]
        pieces = np.split(flat, ends, axis=-1)
        return {
            part.parameter: piece.reshape(*flat.shape[:-1], *part.whole_shape)
            for part, piece in zip(self.prior, pieces, strict=True)
        }

    def log_likelihood_and_gradient(
        self, w: Mapping[str, Any]
    ) -> tuple[float, dict[str, np.ndarray]]:
        """The log likelihood in NumPy's numbers with its gradient with respect to every array, by
        JAX. Entries of a simplex are taken for independent.

        Returns:
            The log likelihood in nats, and its gradient by the names of the arrays.
        """
        value, gradient = self._derived(
            "gradient", lambda: _compiled(self.jax_log_likelihood(), True)
        )(w)
        return float(value), {key: np.asarray(part) for key, part in gradient.items()}

    # -- JAX

    def jax_log_likelihood(self) -> Callable[[Mapping[str, Any]], Any]:
        """A pure JAX function of a parameter: the log likelihood, of a population -n K(w)."""
        import jax.numpy as jnp

        function, constants, n = self.model.jax, self.constants, self.n
        if self.is_population:
            return lambda w: -n * function(w, {}, constants)
        data = self.arrays
        return lambda w: jnp.sum(
            function(w, {key: jnp.asarray(part) for key, part in data.items()}, constants)
        )

    def numpyro_model(self) -> Callable[[float], None]:
        """A NumPyro model ``model(beta=1.0)``: a site for each array, and a factor."""
        import numpyro

        log_likelihood, prior = self.jax_log_likelihood(), self.prior

        def model(beta: float = 1.0) -> None:
            w = {}
            for part in prior:
                distribution = part.numpyro()
                depth = len(distribution.batch_shape)
                w[part.parameter] = numpyro.sample(
                    part.parameter, distribution.to_event(depth) if depth else distribution
                )
            numpyro.factor("log_likelihood", beta * log_likelihood(w))

        return model

    def triple(self) -> Triple:
        """The triple that our own engine tempers."""
        triple: Triple = self._derived("triple", self._triple)
        return triple

    def _triple(self) -> Triple:
        import jax

        from singlearn.triple import Triple

        function, constants = self.model.jax, self.constants
        with jax.enable_x64(True):
            prior = {part.parameter: part.numpyro() for part in self.prior}
        if self.is_population:
            return Triple.population(
                lambda w: function(w, {}, constants), prior, self.n, name=self.name
            )
        return Triple(
            lambda w, data: function(w, data, constants), prior, self.arrays, name=self.name
        )

    def stan(self) -> str | None:
        """A Stan program, or ``None`` where none was written."""
        from singlearn.benchmark.stan import program

        return program(self)

    def _derived(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its file: compiled functions stay here."""
        return Problem.from_dict, (self.to_dict(),)

    # -- the file

    def to_dict(self) -> dict[str, Any]:
        """The file of the problem; ``schema.json`` describes it."""
        return {
            "format": FORMAT,
            "name": self.name,
            "title": self.title,
            "family": self.family,
            "n": self.n,
            "inverse_temperatures": list(self.inverse_temperatures),
            "prior": [part.to_dict() for part in self.prior],
            "constants": dict(self.constants),
            "data": {key: np.asarray(value).tolist() for key, value in self.data.items()},
            "truth": {
                "learning_coefficient": None
                if self.learning_coefficient is None
                else self.learning_coefficient.to_dict(),
                "leading_constant": self.leading_constant,
                "known": [value.to_dict() for value in self.known],
                "phases": [phase.to_dict() for phase in self.phases],
                "minimum": None if self.minimum is None else dict(self.minimum),
            },
            "licence": self.licence,
            "version": self.version,
            "provenance": self.provenance,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Problem:
        """The inverse of ``to_dict``.

        Returns:
            The object that was written.

        Raises:
            ValueError: another format, or a family or prior that this version does not have.
        """
        if document.get("format") != FORMAT:
            raise ValueError(
                f"format: got {document.get('format')!r}; this version reads format {FORMAT}"
            )
        truth = document["truth"]
        return cls(
            name=document["name"],
            family=document["family"],
            title=document["title"],
            prior=tuple(ParameterPrior.from_dict(part) for part in document["prior"]),
            constants=dict(document["constants"]),
            data={key: np.asarray(value) for key, value in document["data"].items()},
            n=document["n"],
            inverse_temperatures=tuple(document["inverse_temperatures"]),
            learning_coefficient=KnownCoefficient.from_dict(truth["learning_coefficient"]),
            leading_constant=truth["leading_constant"],
            known=tuple(KnownValue.from_dict(value) for value in truth["known"]),
            phases=tuple(Phase(**phase) for phase in truth["phases"]),
            minimum=truth["minimum"],
            licence=document["licence"],
            version=document["version"],
            provenance=document["provenance"],
        )

    def known_value(
        self, quantity: str, inverse_temperature: float = 1.0, of: str = ""
    ) -> KnownValue | None:
        """The number, or ``None`` where it is not known.

        Returns:
            With its error and its method.

        >>> load("linear-regression-3").known_value("free_energy").method
        'closed form'
        """
        for value in self.known:
            if value.key == (quantity, inverse_temperature, of):
                return value
        return None


def _compiled(function: Callable[[Any], Any], with_gradient: bool) -> Callable[[Any], Any]:
    """In double precision, whatever the setting outside."""
    import jax

    with jax.enable_x64(True):
        compiled = jax.jit(jax.value_and_grad(function) if with_gradient else function)

    def call(w: Mapping[str, Any]) -> Any:
        with jax.enable_x64(True):
            return compiled({key: np.asarray(part, float) for key, part in w.items()})

    return call


def coordinate(draws: Mapping[str, Any], of: str) -> Any:
    """Draws of one number, ``means[0]`` or ``x``: the named entry at the end of the axes.

    Returns:
        The draws of that number, without its axes.

    Raises:
        ValueError: not the name of a coordinate.

    >>> coordinate({"m": np.arange(6).reshape(3, 2)}, "m[1]").tolist()
    [1, 3, 5]
    """
    found = re.fullmatch(r"(\w+)(?:\[([\d, ]+)\])?", of)
    if found is None or found[1] not in draws:
        raise ValueError(f"of: got {of!r}; it should be one of {', '.join(draws)}, with a place")
    values = draws[found[1]]
    if not hasattr(values, "ndim"):  # what JAX traces stays as it is
        values = np.asarray(values)
    if found[2] is None:
        return values
    place: tuple[Any, ...] = (..., *map(int, found[2].split(",")))
    return values[place]


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The names of all problems that come with the package.

    Returns:
        In alphabetical order.

    >>> len(names()) >= 60
    True
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def load(name: str) -> Problem:
    """One problem.

    Returns:
        With its data and truths.

    Raises:
        ValueError: there is none of the name.

    >>> print(load("polynomial-w4").learning_coefficient.value)
    1/4
    """
    path = FOLDER / f"{name}.json"
    if name not in names():
        near = [other for other in names() if name.split("-")[0] in other][:6]
        raise ValueError(
            f"name: got {name!r}; it should be one of the {len(names())} problems"
            + (f", such as {', '.join(near)}" if near else "")
        )
    return Problem.from_dict(json.loads(path.read_text(encoding="utf-8")))


def problems(quick: bool = False) -> tuple[Problem, ...]:
    """All problems, or the twelve quick ones.

    Returns:
        In alphabetical order, or in that of the quick list.

    >>> [problem.name for problem in problems(quick=True)][:2]
    ['polynomial-w4', 'polynomial-x2y2']
    """
    return tuple(load(name) for name in (QUICK if quick else names()))
