"""A NumPyro model as coordinates and a pointwise log likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key, PyTree

from singlearn.triple.coordinates import Coordinates, splitter
from singlearn.triple.intake.arrays import refuse_different_indexes
from singlearn.triple.numpyro_model.brought import copied_function, copied_value
from singlearn.triple.numpyro_model.frozen import Frozen
from singlearn.triple.numpyro_model.statements import Brought, ModelRefusedError, Site, chart
from singlearn.triple.numpyro_model.understood import Understood, understand
from singlearn.triple.sites import Sites
from singlearn.triple.stated_by_model import StatedByModel

LogLikelihood = Callable[[PyTree, PyTree], Float[Array, " n"]]


def read_model(
    model: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Coordinates, LogLikelihood, Sites, StatedByModel]:
    """Coordinates, pointwise log likelihood and names of a NumPyro model called with ``args`` and
    ``kwargs``; and the model with copies of these.

    Args:
        model: a function of NumPyro statements, with or without handlers round it.
        args: what it is called with.
        kwargs: and by keyword.

    Returns:
        As ``Triple`` wants them; see ``Triple.from_numpyro``.

    Raises:
        ValueError: the model is refused, or does not run.
    """
    if not callable(model):
        raise ValueError(
            f"model: got {type(model).__name__}; it should be a function of NumPyro statements"
        )
    refuse_different_indexes(
        {f"argument {name}": value for name, value in [*enumerate(args), *kwargs.items()]}, "model"
    )
    with jax.enable_x64(True):
        as_arrays, understood = _understand(model, args, kwargs)
        precise = InOnePrecision(understood, _brought(model, args, kwargs, as_arrays))
        dimension = precise.dimension
    # Copied while they are what they were; traced only if a run in single precision asks.
    single = InOnePrecision(understood, _brought(model, args, kwargs, as_arrays))

    def now() -> InOnePrecision:
        return precise if jnp.result_type(float) == jnp.float64 else single

    def log_likelihood(w: PyTree, data: PyTree) -> Float[Array, " n"]:
        if jax.tree.leaves(data):
            raise ValueError(
                "data: the data of a NumPyro model are what it was called with; make another "
                "triple, Triple.from_numpyro(model, other data)"
            )
        return now().log_likelihood(w)

    def log_prior(u: Float[Array, " d"]) -> Float[Array, ""]:
        return now().log_prior(u)

    coordinates = Coordinates(
        dimension=dimension,
        sample=lambda key: now().sample(key),
        log_prob=log_prior,
        constrain=lambda u: now().constrain(u),
        unconstrain=lambda w: now().unconstrain(w),
        made=log_prior,
    )
    return (
        coordinates,
        log_likelihood,
        understood.sites,
        StatedByModel(model, single.brought.args, single.brought.kwargs),
    )


def _brought(
    model: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], as_arrays: bool
) -> Brought:
    return Brought(
        copied_function(model, as_arrays),
        tuple(copied_value(a, as_arrays) for a in args),
        copied_value(kwargs, as_arrays),
    )


def _understand(
    model: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool, Understood]:
    """Understand the model with its arguments as they are; where it does not run, with lists and
    frames as arrays.
    """
    try:
        return False, understand(_brought(model, args, kwargs, False))
    except ModelRefusedError:
        raise
    except Exception as first:
        try:
            return True, understand(_brought(model, args, kwargs, True))
        except ModelRefusedError:
            raise
        except Exception:
            raise _explained(first, args, kwargs) from first


def _explained(error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ValueError:
    text = " ".join(str(error).split())[:200]
    named = [*enumerate(args), *kwargs.items()]
    frames = [
        f"{type(value).__name__} {name!r}" for name, value in named if hasattr(value, "to_numpy")
    ]
    if frames:
        return ValueError(
            f"model: NumPyro takes arrays, and argument {', '.join(frames)} did not work as one; "
            f"give its columns as to_numpy() makes them. {type(error).__name__}: {text}"
        )
    tracing = (
        jax.errors.ConcretizationTypeError,
        jax.errors.TracerArrayConversionError,
        jax.errors.NonConcreteBooleanIndexError,
    )
    if isinstance(error, tracing):
        return ValueError(
            "model: its Python code branches or indexes on, or turns into a Python number or a "
            "NumPy array, what depends "
            "on random sites or was computed by JAX; the statements should be the same whatever "
            "the parameters are "
            f"(jnp.where chooses; NumPy computes what depends on data alone). JAX says: {text}"
        )
    kind = type(error).__name__
    return ValueError(
        f"model: NumPyro could not run it with these arguments; {kind}: {text or 'no message'}"
    )


@dataclass(frozen=True)
class InOnePrecision:
    """The functions of an understood model, each traced once in the precision that is on when it is
    first asked for.
    """

    understood: Understood
    brought: Brought

    @cached_property
    def free(self) -> dict[str, tuple[np.ndarray, tuple[int, ...]]]:
        """By partly masked parameter, the places of its free coordinates among all of them, and the
        shape of all.
        """
        found = {}
        free: Any
        for name, free in self.understood.free.items():
            if name not in self.understood.parameters:
                continue
            shape = self._all_shapes[name].shape
            if shape != free.shape:
                # A chart that mixes the elements of an event: they are masked together or not at
                # all.
                rows = (
                    free.reshape(*free.shape[: len(shape) - 1], -1)
                    if len(shape) == free.ndim
                    else free.reshape(*shape[:-1], -1)
                )
                if not (rows.all(axis=-1) == rows.any(axis=-1)).all():
                    raise ModelRefusedError(
                        f"site {name!r}: a mask hides a part of an event whose elements are bound "
                        f"to each other"
                    )
                free = np.broadcast_to(rows.any(axis=-1)[..., None], shape)
            found[name] = (np.flatnonzero(free), shape)
        return found

    @cached_property
    def _all_shapes(self) -> dict[str, Any]:
        found: dict[str, Any] = jax.eval_shape(self._drawn, jax.random.key(0))
        return found

    def _drawn(self, key: Key[Array, ""]) -> dict[str, Array]:
        trace, _ = self.brought.run(key)
        return self._coordinates_of(trace)

    def _coordinates_of(self, trace: dict[str, Site]) -> dict[str, Array]:
        return {
            name: jnp.asarray(chart(trace[name]).inv(jnp.asarray(trace[name]["value"], float)))
            for name in self.understood.parameters
        }

    def _cut(self, full: dict[str, Array]) -> dict[str, Array]:
        return {
            name: u.reshape(-1)[self.free[name][0]] if name in self.free else u
            for name, u in full.items()
        }

    def _filled(self, cut: dict[str, Array]) -> dict[str, Array]:
        """All coordinates; those that a mask takes out stand at zero, where nothing depends on
        them.
        """
        full = dict(cut)
        for name, (places, shape) in self.free.items():
            full[name] = (
                jnp.zeros(int(np.prod(shape)), cut[name].dtype)
                .at[places]
                .set(cut[name])
                .reshape(shape)
            )
        return full

    @cached_property
    def _split(self) -> tuple[int, Callable[[Float[Array, " d"]], PyTree]]:
        return splitter(jax.eval_shape(lambda key: self._cut(self._drawn(key)), jax.random.key(0)))

    @property
    def dimension(self) -> int:
        """d, the number of free coordinates."""
        return self._split[0]

    @cached_property
    def _sample(self) -> Frozen:
        return Frozen(
            lambda key: ravel_pytree(self._cut(self._drawn(key)))[0].astype(float),
            jax.random.key(0),
        )

    def sample(self, key: Key[Array, ""]) -> Float[Array, " d"]:
        """A draw from the prior, in flat coordinates."""
        found: Float[Array, " d"] = self._sample(key)
        return found

    @cached_property
    def _at(self) -> Frozen:
        def at(u: Float[Array, " d"]) -> tuple[dict[str, Array], Float[Array, ""]]:
            full = self._filled(self._split[1](u))

            def value(site: Site) -> Array | None:
                return chart(site)(full[site["name"]]) if site["name"] in full else None

            trace, _ = self.brought.run(jax.random.key(0), value)
            total = jnp.zeros((), u.dtype)
            for name in self.understood.parameters:
                total = total + _log_density(
                    trace[name], full[name], self.understood.free.get(name)
                )
            return {name: trace[name]["value"] for name in self.understood.parameters}, total

        return Frozen(at, jax.ShapeDtypeStruct((self.dimension,), jnp.result_type(float)))

    def constrain(self, u: Float[Array, " d"]) -> dict[str, Array]:
        """The values of the parameters at flat coordinates."""
        found: dict[str, Array] = self._at(u)[0]
        return found

    def log_prior(self, u: Float[Array, " d"]) -> Float[Array, ""]:
        """The log prior density at flat coordinates, with the Jacobian."""
        found: Float[Array, ""] = self._at(u)[1]
        return found

    @cached_property
    def _shapes(self) -> Any:
        return jax.eval_shape(
            self.constrain, jax.ShapeDtypeStruct((self.dimension,), jnp.result_type(float))
        )

    @cached_property
    def _likelihood(self) -> Frozen:
        def log_likelihood(w: dict[str, Array]) -> Float[Array, " n"]:
            trace, _ = self.brought.run(jax.random.key(0), lambda site: w.get(site["name"]))
            found = []
            for site in self.understood.sites.observed:
                flat = jnp.ravel(
                    trace[site.name]["fn"].log_prob(jnp.asarray(trace[site.name]["value"]))
                )
                found.append(flat if site.kept is None else flat[np.array(site.kept, int)])
            return jnp.concatenate(found)

        return Frozen(log_likelihood, self._shapes)

    def log_likelihood(self, w: PyTree) -> Float[Array, " n"]:
        """The log density of every observation that no mask hides."""
        found: Float[Array, " n"] = self._likelihood(w)
        return found

    @cached_property
    def _unconstrained(self) -> Frozen:
        def unconstrain(w: dict[str, Array]) -> Float[Array, " d"]:
            trace, _ = self.brought.run(jax.random.key(0), lambda site: w.get(site["name"]))
            return ravel_pytree(self._cut(self._coordinates_of(trace)))[0].astype(float)

        return Frozen(unconstrain, self._shapes)

    def unconstrain(self, w: PyTree) -> Float[Array, " d"]:
        """Flat coordinates of parameter values."""
        found: Float[Array, " d"] = self._unconstrained(w)
        return found


def _log_density(site: Site, u: Array, free: np.ndarray | None) -> Float[Array, ""]:
    r"""log p(w) + log |det ∂w/∂u| of one site, over its free elements."""
    transform = chart(site)
    jacobian = transform.log_abs_det_jacobian(u, site["value"])
    if free is not None:
        rows = free.reshape(*free.shape[: jnp.ndim(jacobian)], -1).any(axis=-1)
        jacobian = jnp.where(rows, jacobian, 0.0)
    return jnp.sum(site["fn"].log_prob(site["value"])) + jnp.sum(jacobian)
