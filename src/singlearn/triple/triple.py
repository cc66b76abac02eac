"""The triple (model, truth, prior): everything a user brings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.exact.coefficient import ExactCoefficient
from singlearn.results.prompt import Shown, in_few_words
from singlearn.running.arguments import real_number
from singlearn.triple.coordinates import Coordinates, coordinates_of
from singlearn.triple.gaussian import gaussian
from singlearn.triple.intake.arrays import (
    as_array,
    as_data,
    is_list_of_numbers,
    refuse_different_indexes,
)
from singlearn.triple.intake.functions import explained
from singlearn.triple.intake.noise import noise_of_each
from singlearn.triple.intake.observations import observed
from singlearn.triple.intake.shapes import check_parameter_matches, check_population_size
from singlearn.triple.kinds import Divergence, DivergenceAt, Kind, Observations
from singlearn.triple.sites import Sites
from singlearn.triple.stated_by_model import StatedByModel


@dataclass(frozen=True, eq=False, init=False)
class Triple(Shown):
    r"""Model :math:`p(y|x,w)`, data drawn from the truth, prior :math:`φ(w)`.

    Its energy is :math:`n L_n(w) = -Σ_i \log p(y_i|x_i,w)`. There are three kinds of triples with
    the same methods: this constructor makes one of data, :meth:`population` one of an exact K, also
    of a K that depends on a setting.

    Args:
        log_likelihood: ``log_likelihood(w, data) -> (n,)``, the pointwise :math:`\log p(y_i|x_i,w)`
            in nats, normalising constants included; a pure JAX function.
        prior: a pytree of NumPyro distributions (``w`` has the same structure), or an object with
            ``sample(key)`` and ``log_prob(w)``.
        data: a pytree of arrays whose leading axis is the sample; arrays are of any origin, lists
            of numbers too.
        truth: optional; a parameter :math:`w_0` with the structure of ``w``, or the pointwise
            :math:`\log q(y_i|x_i)` of shape ``(n,)``.
        name: how tables and figures call it.
        known: the learning coefficient, where it is proven.
        start: optional; ``start(data)`` is a parameter that fits the data well. The search for
            modes that no particle has seen starts there as well.

    Attributes:
        kind: observations, or a divergence, with what is its own.
        prior: as it was given; of a NumPyro model the model and its arguments.
        coordinates: the prior in flat, unconstrained coordinates.
        truth: as it was given, arrays as NumPy arrays; ``None`` where it is unknown.
        truth_energy: :math:`n L_n(w_0)` in nats, 0 for a population; ``None`` where it is unknown.
        name: how tables and figures call it.
        known: the learning coefficient, where it is proven.
        sites: names of the sites of a NumPyro model; empty for others.
        start: data to a parameter that fits them well, or ``None``.

    Raises:
        ValueError: ``n = 0``, data that are masked, missing, not finite or no numbers, a log
            likelihood that is not of shape ``(n,)``, a prior that is improper, discrete or empty, a
            truth that does not match the parameter.

    >>> import numpyro.distributions as dist
    >>> y = np.array([0.5, -0.5])
    >>> def log_likelihood(w, y):
    ...     return dist.Normal(w, 1.0).log_prob(y)
    >>> t = Triple(log_likelihood, dist.Normal(0.0, 1.0), y, truth=0.0)
    >>> t.n, t.dimension, round(t.truth_energy, 4)
    (2, 1, 2.0879)
    """

    kind: Kind
    prior: Any
    coordinates: Coordinates
    truth: Any
    truth_energy: float | None
    name: str
    known: ExactCoefficient | None
    sites: Sites
    start: Callable[[PyTree], PyTree] | None

    def __init__(
        self,
        log_likelihood: Callable[[PyTree, PyTree], Float[Array, " n"]],
        prior: Any,
        data: PyTree,
        truth: Any = None,
        name: str = "triple",
        known: ExactCoefficient | None = None,
        *,
        start: Callable[[PyTree], PyTree] | None = None,
    ) -> None:
        with jax.enable_x64(True):
            coordinates = coordinates_of(prior)
        self._set_up(log_likelihood, prior, coordinates, data, truth, name, known, start=start)

    def _set_up(
        self,
        log_likelihood: Callable[[PyTree, PyTree], Float[Array, " n"]],
        prior: Any,
        coordinates: Coordinates,
        data: PyTree,
        truth: Any,
        name: str,
        known: ExactCoefficient | None,
        sites: Sites | None = None,
        start: Callable[[PyTree], PyTree] | None = None,
    ) -> None:
        """Check observations and a truth, and take them."""
        observations = observed(log_likelihood, coordinates.shapes, data)
        self._put(observations, prior, coordinates, name, known, sites=sites, start=start)
        if truth is None:
            return
        object.__setattr__(self, "truth", self._understood_truth(truth))
        if self.truth_is_parameter and np.shape(self.truth) == (self.n,):
            raise ValueError(
                f"truth: its shape ({int(self.n)},) is both that of a parameter and that "
                f"of log densities of n = {int(self.n)} "
                "observations; name the parameter, prior={'w': …}, and give truth={'w': …} "
                "or the log densities"
            )
        energy = -float(np.sum(self.truth_log_likelihood(), dtype=np.float64))
        if not math.isfinite(energy):
            raise ValueError(
                f"truth: its energy n L_n(w_0) is {energy}; the truth must give every "
                f"observation a finite density"
            )
        object.__setattr__(self, "truth_energy", energy)

    def _put(
        self,
        kind: Kind,
        prior: Any,
        coordinates: Coordinates,
        name: str,
        known: ExactCoefficient | None = None,
        *,
        truth: Any = None,
        truth_energy: float | None = None,
        sites: Sites | None = None,
        start: Callable[[PyTree], PyTree] | None = None,
    ) -> None:
        """Set every attribute, once."""
        values = {
            "kind": kind,
            "prior": prior,
            "coordinates": coordinates,
            "truth": truth,
            "truth_energy": truth_energy,
            "name": name,
            "known": known,
            "sites": Sites() if sites is None else sites,
            "start": start,
        }
        for attribute, value in values.items():
            object.__setattr__(self, attribute, value)

    @classmethod
    def _of(
        cls, kind: Kind, prior: Any, coordinates: Coordinates, name: str, **more: Any
    ) -> Triple:
        """A triple of parts that were checked before."""
        made = object.__new__(cls)
        made._put(kind, prior, coordinates, name, **more)
        return made

    def _changed(self, **changes: Any) -> Triple:
        """The same triple with some attributes changed."""
        return Triple._of(**{f.name: getattr(self, f.name) for f in fields(self)} | changes)

    def __str__(self) -> str:
        shown = {
            "name": self.name,
            **self.kind.parts(),
            "dimension": self.dimension,
            "prior": self.prior,
            "truth": self.truth,
            "truth_energy": self.truth_energy,
            "known": self.known,
        }
        lines = [
            f"  {name}={in_few_words(value)},\n"
            for name, value in shown.items()
            if value is not None
        ]
        return f"Triple(\n{''.join(lines)})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what it was made of; coordinates are made again where it arrives."""
        whole = self.coordinates.is_all_of_a_prior
        if whole and isinstance(self.prior, StatedByModel):
            stated = self.prior
            return _numpyro_again, (stated.model, stated.args, stated.kwargs, self.name)
        # Coordinates hold functions of ours that pickle does not take: they go along only where
        # nothing else says what they are.
        left_out = {"coordinates"} if whole else set()
        return _unpickled, (
            {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out},
        )

    def __copy__(self) -> Triple:
        return self  # nothing in it changes

    def __deepcopy__(self, memo: dict[int, Any]) -> Triple:
        return self

    # -- the kind

    @property
    def n(self) -> float | int:
        """The number of observations, or the sample size of a population."""
        return self.kind.n

    @property
    def data(self) -> PyTree:
        """The observations; of a population its sample size, and its setting where it has one.

        Compiled programs take them as their argument.
        """
        return self.kind.data

    @property
    def energy_data(self) -> PyTree:
        """What :meth:`energy` is given where all observations count: sufficient statistics where
        the log likelihood has such (``LinearInInputs``), else ``data``.
        """
        return self.kind.energy_data

    @property
    def energy_rows(self) -> int:
        """How many observations an evaluation of the energy works on: the number of inputs where
        there are sufficient statistics, 1 for a population.
        """
        return self.kind.energy_rows

    @property
    def is_population(self) -> bool:
        """Whether the energy is the exact n K(w), without data."""
        return self.kind.is_population

    @property
    def log_likelihood(self) -> Callable[[PyTree, PyTree], Float[Array, " n"]]:
        """The pointwise log likelihood, of (w, data), in nats.

        Raises:
            ValueError: a population triple, which has none.
        """
        if not isinstance(self.kind, Observations):
            raise ValueError(
                f"{self.name} is a population triple: it has K(w) and no observations, hence no "
                f"pointwise log likelihood"
            )
        return self.kind.function

    @property
    def kl(self) -> Callable[[PyTree], Float[Array, ""]]:
        """K as a function of the parameter, at the setting of the triple, in nats.

        Raises:
            ValueError: a triple with data, whose K is unknown.
        """
        if not isinstance(self.kind, (Divergence, DivergenceAt)):
            raise ValueError(f"{self.name} has data; K is known for population triples")
        return self.kind.kl

    @property
    def setting(self) -> PyTree:
        """What else K depends on.

        Raises:
            ValueError: a triple that was not made by ``population(..., setting=...)``.
        """
        return self._at_a_setting().setting

    def _at_a_setting(self) -> DivergenceAt:
        if not isinstance(self.kind, DivergenceAt):
            raise ValueError(
                f"{self.name}: it has no setting to change; give Triple.population a kl(w, "
                f"setting) and a setting"
            )
        return self.kind

    # -- the truth

    @property
    def truth_is_parameter(self) -> bool:
        """Whether the truth is a parameter of the model, so that the model can realise it."""
        if self.truth is None:
            return False
        shapes = self.coordinates.shapes()
        same_structure = jax.tree.structure(self.truth) == jax.tree.structure(shapes)  # type: ignore[operator]
        return same_structure and all(
            np.shape(a) == b.shape
            for a, b in zip(jax.tree.leaves(self.truth), jax.tree.leaves(shapes), strict=True)
        )

    def _understood_truth(self, truth: Any) -> Any:
        """The truth with arrays of any origin as NumPy arrays; plain numbers stay what they are."""
        as_parameter = jax.tree.structure(truth) == jax.tree.structure(self.coordinates.shapes())  # type: ignore[operator]
        leaves, structure = jax.tree_util.tree_flatten_with_path(
            truth, is_leaf=None if as_parameter else is_list_of_numbers
        )
        found = [
            leaf
            if isinstance(leaf, (int, float))
            else as_array(leaf, "truth" + jax.tree_util.keystr(path), finite=False)
            for path, leaf in leaves
        ]
        return jax.tree_util.tree_unflatten(structure, found)

    def truth_log_likelihood(self) -> Float[np.ndarray, " n"]:
        r"""The pointwise :math:`\log q(y_i|x_i)` in nats, in double precision.

        Returns:
            One number per observation.

        Raises:
            ValueError: the truth is unknown or does not match the model.
        """
        if self.truth is None or self.is_population:
            raise ValueError(
                f"truth: {self.name} has none; give a parameter w_0, or the pointwise log "
                f"q(y_i|x_i)"
            )
        is_array = isinstance(self.truth, (np.ndarray, jax.Array, list))
        if not self.truth_is_parameter and is_array and np.shape(self.truth) == (self.n,):
            return np.asarray(self.truth)
        check_parameter_matches("truth", self.truth, self.coordinates.shapes())
        with jax.enable_x64(True):
            return np.asarray(self.log_likelihood(jax.tree.map(jnp.asarray, self.truth), self.data))

    # -- the energy

    @property
    def dimension(self) -> int:
        """d, the number of parameters in unconstrained coordinates.

        A weight vector on the simplex of K counts K - 1.
        """
        return self.coordinates.dimension

    def pointwise(self, u: Float[Array, " d"], data: PyTree) -> Float[Array, " n"]:
        """log p(y_i|x_i,w(u)) at flat coordinates ``u``, in nats.

        Returns:
            One number per observation.

        Raises:
            ValueError: a population triple, which has no data.
        """
        return self.log_likelihood(self.coordinates.constrain(u), data)

    def energy(self, u: Float[Array, " d"], data: PyTree) -> Float[Array, ""]:
        """n L_n(w(u)), or n K(w(u)) for a population triple.

        Args:
            u: flat coordinates.
            data: ``triple.energy_data`` or ``triple.data``; the energy is the same.

        Returns:
            The energy in nats; +inf where it is not a number.
        """
        value = self.kind.energy(self.coordinates.constrain(u), data)
        return jnp.where(jnp.isnan(value), jnp.inf, value)

    def parameter_energy(self, w: PyTree) -> float:
        """n L_n(w) (population: n K(w)) of a parameter pytree, in nats.

        Returns:
            One number.

        Raises:
            ValueError: ``w`` does not match the pytree of the prior.
        """
        check_parameter_matches("w", w, self.coordinates.shapes())
        with jax.enable_x64(True):
            w = jax.tree.map(jnp.asarray, w)
            return float(self.kind.energy(w, self.data))

    # -- other triples of the same model

    def with_data(self, data: PyTree, truth: Any = None, name: str | None = None) -> Triple:
        """The same model and prior with other data: a further training set.

        What was compiled for one serves the other.

        Returns:
            A triple with those data.

        Raises:
            ValueError: a population triple, and as the constructor does.
        """
        if self.is_population:
            raise ValueError(f"{self.name} is a population triple: it has no data to replace")
        made = object.__new__(Triple)
        made._set_up(
            self.log_likelihood,
            self.prior,
            self.coordinates,
            data,
            truth,
            name or self.name,
            self.known,
            start=self.start,
        )
        return made

    def with_model_of(self, other: Triple) -> Triple:
        """The same data and truth under the log likelihood and prior of another triple.

        Two triples that were made alike hold two copies of one model. Under one copy they share
        what is compiled.

        Returns:
            A triple that is compiled together with the other.

        Raises:
            ValueError: one of them is a population triple, or the log likelihood does not fit the
                data.
        """
        made = object.__new__(Triple)
        made._set_up(
            other.log_likelihood,
            other.prior,
            other.coordinates,
            self.data,
            self.truth,
            self.name,
            self.known,
            sites=self.sites,
            start=self.start,
        )
        return made

    def with_setting(
        self, setting: PyTree, n: float | int | None = None, name: str | None = None
    ) -> Triple:
        """The same family of divergences at another setting, and at another sample size if ``n`` is
        given. What was compiled serves both.

        Returns:
            A triple of the same family.

        Raises:
            ValueError: a triple that was not made by ``population(..., setting=...)``, or a setting
                of other shapes.
        """
        kind = self._at_a_setting()
        check_parameter_matches("setting", setting, kind.setting)
        moved = replace(
            kind,
            setting=as_data(setting, "setting", lists=False),
            n=kind.n if n is None else check_population_size(n),
        )
        # What was proven was proven at the other setting.
        return self._changed(kind=moved, name=name or self.name, known=None)

    def with_n(self, n: float | int) -> Triple:
        """The same population triple at another sample size. What was compiled for one serves the
        other.

        Returns:
            A triple of the same population.

        Raises:
            ValueError: a triple with data, or ``n`` not positive.
        """
        if not isinstance(self.kind, (Divergence, DivergenceAt)):
            raise ValueError(
                f"{self.name} has data: its n is their number; with_data gives it others"
            )
        return self._changed(kind=replace(self.kind, n=check_population_size(n)))

    def within(
        self,
        coordinates: Coordinates,
        function: Callable[..., Array],
        name: str,
        truth_energy: float | None,
    ) -> Triple:
        """The same data or setting under a prior and a function that end somewhere: one phase.

        Args:
            coordinates: without density outside.
            function: the log likelihood or K, with the value ``kind.excluded`` outside.
            name: of the phase.
            truth_energy: of the truth, if it lies inside.

        Returns:
            A triple under that prior and function.
        """
        kind = replace(self.kind, function=function)  # type: ignore[arg-type]
        return Triple._of(kind, self.prior, coordinates, name, truth_energy=truth_energy)

    def seen_from(self, coordinates: Coordinates) -> Triple:
        """The same model in other flat coordinates, or under a prior that is cut off."""
        return self._changed(coordinates=coordinates)

    def as_model(self) -> Model:
        """The triple as a key for what is compiled of it: equal for all made by ``with_data``,
        ``with_n`` or ``with_setting``.

        Returns:
            A key that is equal for those.
        """
        return Model((type(self.kind), self.kind.function, self.coordinates), self)

    @classmethod
    def regression(
        cls,
        f: Callable[[PyTree, Float[Array, "n ..."]], Float[Array, "n ..."]],
        prior: Any,
        x: Any,
        y: Any,
        scale: float | int | Array | np.ndarray | list[Any] = 1.0,
        truth: Any = None,
        name: str = "regression",
        known: ExactCoefficient | None = None,
    ) -> Triple:
        r"""Gaussian regression :math:`y ~ N(f(w,x), σ^2 I_M)`.

        Its energy is :math:`n L_n = \frac{1}{2σ^2}Σ|y_i - f(w,x_i)|^2 + \frac{nM}{2}\log 2πσ^2`.

        Args:
            f: ``f(w, x) -> (n,)`` or ``(n, M)``, the shape of ``y``.
            x: inputs, of shape (n, …).
            y: outputs, of shape (n,) or (n, M).
            scale: σ > 0, the known standard deviation of the noise, in the unit of ``y``: one
                number; one of each output, of shape (M,); or one of each observation, of shape
                (n,), (n, 1) or (n, M), which then is a third array of the data.
            truth, name, known: as for ``Triple``.

        Returns:
            The triple, with data ``(x, y)`` or ``(x, y, scale)``.

        Raises:
            ValueError: x and y of different length, an f of another shape than y, a scale that is
                not positive or does not fit y.

        >>> import numpyro.distributions as dist
        >>> x = np.array([1.0, 2.0])
        >>> t = Triple.regression(lambda w, x: w * x, dist.Normal(0.0, 1.0), x, 3.0 * x)
        >>> round(t.parameter_energy(2.0) - t.parameter_energy(3.0), 6)   # (1 + 4)/2
        2.5
        """
        refuse_different_indexes({"x": x, "y": y}, "data")
        x, y = as_array(x, "x"), as_array(y, "y")
        if y.shape[:1] != x.shape[:1]:
            raise ValueError(
                f"y: got shape {y.shape} for x of shape {x.shape}; their leading axes, the sample, "
                f"should be equal"
            )
        if np.ndim(scale) == 0:
            log_likelihood = partial(
                gaussian,
                f,
                real_number("scale", scale, above=0, meaning="a positive standard deviation"),
            )
            return cls(log_likelihood, prior, (x, y), truth, name, known)
        # A noise of each observation is data like x and y: further data bring their own.
        return cls(
            partial(gaussian, f, None),
            prior,
            (x, y, noise_of_each(scale, y.shape)),
            truth,
            name,
            known,
        )

    @classmethod
    def population(
        cls,
        kl: Callable[..., Float[Array, ""]],
        prior: Any,
        n: float | int,
        name: str = "population",
        known: ExactCoefficient | None = None,
        setting: PyTree = None,
    ) -> Triple:
        r"""The triple without its fluctuations: energy :math:`n K(w)`, :math:`K ≥ 0` the
        Kullback–Leibler divergence from the truth.

        Args:
            kl: ``kl(w) -> scalar``, in nats, zero on the true parameters; ``kl(w, setting)`` where
                a setting is given.
            n: sample size > 0, any real number; only :math:`nβ` matters.
            setting: what else K depends on, a pytree of numbers and arrays: a deformation of the
                truth, say. Triples made by ``with_setting`` share what is compiled, which in a
                sweep is most of the time.

        Returns:
            A triple without data.

        Raises:
            ValueError: n is not a positive number, K does not run or is not one number, or a prior
                that is refused.

        >>> import numpyro.distributions as dist
        >>> t = Triple.population(lambda w: w**2, dist.Normal(0.0, 1.0), n=100)
        >>> t.parameter_energy(0.5), t.truth_energy
        (25.0, 0.0)
        >>> def kl(w, θ):
        ...     return w**2 + θ * w**4
        >>> tilted = Triple.population(kl, dist.Normal(0.0, 1.0), n=1, setting=0.0)
        >>> tilted.with_setting(2.0, n=16).parameter_energy(0.5)
        6.0
        """
        n = check_population_size(n)
        with jax.enable_x64(True):
            coordinates = coordinates_of(prior)
        kind: Divergence | DivergenceAt = Divergence(kl, n)
        if setting is not None:
            kind = DivergenceAt(kl, as_data(setting, "setting", lists=False), n)
        with jax.enable_x64(True):
            try:
                shape = jax.eval_shape(kind.kl, coordinates.shapes())
            except Exception as error:
                raise explained("kl", error, setting) from error
        if getattr(shape, "shape", None) != ():
            raise ValueError(f"kl: returned {shape}; it should be a scalar")
        return cls._of(kind, prior, coordinates, name, known=known, truth_energy=0.0)

    @classmethod
    def from_numpyro(cls, model: Callable[..., Any], *args: Any, **kwargs: Any) -> Triple:
        """The triple of any NumPyro model: priors, constraints, plates and observed sites are taken
        from it.

        Sampling happens in the model's unconstrained space, with the Jacobian; results come back
        constrained, a dict by site name. The observations are all elements of the log densities of
        all observed sites that no mask hides, in the order of the model. Sites that depend on
        others and on which nothing observed depends integrate to one and are left out.

        Args:
            model: a function of NumPyro statements, with or without handlers round it.
            *args: what the model is called with.
            **kwargs: and by keyword.

        Returns:
            The triple, with the names of sites, plates and dimensions as ``triple.sites``.

        Raises:
            ValueError: what has no free energy, by the name of its site: no observed or no latent
                site; a discrete, improper, masked or scaled prior; a scaled likelihood, a
                subsampled plate, a factor statement; a param statement without a value; an observed
                value that is not finite, outside its support, or computed from parameters; random
                numbers that are not sites.

        >>> import numpyro, numpyro.distributions as dist
        >>> def model(y):
        ...     scale = numpyro.sample("scale", dist.HalfNormal(1.0))
        ...     with numpyro.plate("data", len(y)):
        ...         numpyro.sample("y", dist.Normal(0.0, scale), obs=y)
        >>> t = Triple.from_numpyro(model, np.array([0.3, -0.2, 0.9]))
        >>> t.n, t.dimension, t.coordinates.names()
        (3, 1, ['scale'])
        """
        from singlearn.triple.numpyro_model import read_model

        coordinates, log_likelihood, sites, stated = read_model(model, args, kwargs)
        made = object.__new__(cls)
        name = getattr(model, "__name__", "NumPyro model")
        made._set_up(log_likelihood, stated, coordinates, (), None, name, None, sites)
        return made


def _unpickled(state: dict[str, Any]) -> Triple:
    if "coordinates" not in state:
        with jax.enable_x64(True):
            state = state | {"coordinates": coordinates_of(state["prior"])}
    return Triple._of(**state)


def _numpyro_again(
    model: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str
) -> Triple:
    return Triple.from_numpyro(model, *args, **kwargs)._changed(name=name)


@dataclass(frozen=True)
class Model(Shown):
    """What the compiled energy of a triple depends on besides its data, and one triple that has
    it.
    """

    key: tuple[Any, ...]
    triple: Triple = field(compare=False)
