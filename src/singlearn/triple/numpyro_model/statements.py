"""Running a NumPyro model once: at fresh draws, at given values, or at given coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from numpyro import handlers
from numpyro.distributions import biject_to
from numpyro.distributions.transforms import Transform
from numpyro.primitives import Messenger

from singlearn.triple.densities import why_not_a_density


class ModelRefusedError(ValueError):
    """The model says something that a free energy cannot be made of; the message names the site."""


Site = dict[str, Any]


@dataclass(frozen=True)
class Brought:
    """A model and what it is called with."""

    model: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def run(
        self, key: Key[Array, ""], value: Callable[[Site], Any] = lambda site: None
    ) -> tuple[dict[str, Site], set[str]]:
        """Run the model once.

        Args:
            key: for every statement that is given no value.
            value: the value of a latent site, or ``None`` for a draw.

        Returns:
            The recorded sites by name, and which of the ``param`` sites were given a value.
        """
        entry = _Entry(self.model, key)

        def substituted(site: Site) -> Any:
            if site["type"] != "sample" or site["is_observed"]:
                return None
            # Before it is drawn from: an improper distribution has no sampler. A scan asks here
            # only.
            _refuse_undrawable(site)
            return value(site)

        # What surrounds the call, a seed or a trace of the user's, is not part of the model.
        with handlers.block():
            trace = handlers.trace(handlers.substitute(entry, substitute_fn=substituted)).get_trace(
                *self.args, **self.kwargs
            )
        return trace, entry.fixed


class _Entry(Messenger):  # type: ignore[misc]
    """Next to the model: draws with fresh keys whatever keys the model was given, and checks of how
    statements are made.
    """

    def __init__(self, model: Callable[..., Any], key: Key[Array, ""]) -> None:
        super().__init__(model)
        self.key = key
        self.kinds: dict[str, str] = {}
        self.fixed: set[str] = set()
        self.once: set[str] = set()

    def process_message(self, msg: Site) -> None:
        kind, name = msg["type"], str(msg.get("name"))
        draws = kind in ("sample", "control_flow", "plate", "prng_key") and msg["value"] is None
        # A model that its user seeded, or a statement with its own rng_key, would draw the same
        # always.
        if draws and (kind in ("sample", "control_flow") or msg["kwargs"]["rng_key"] is None):
            self.key, msg["kwargs"]["rng_key"] = jax.random.split(self.key)
        if kind == "plate":
            size, part = msg["args"]
            if part not in (None, size):
                raise subsampled(name, size, part)
            if isinstance(msg["value"], jax.core.Tracer):
                # NumPyro's range of indices, but known while tracing: NumPy arrays are indexed with
                # it.
                with jax.ensure_compile_time_eval():
                    msg["value"] = jnp.arange(size)
        if kind == "param" and msg["value"] is not None:
            self.fixed.add(name)
        if kind in ("sample", "plate", "deterministic"):
            before = self.kinds.setdefault(name, kind)
            if (before, kind) != ("plate", "plate") and (before != kind or name in self.once):
                raise ModelRefusedError(
                    f"site {name!r} is named twice (a {before} and a {kind} statement); names "
                    f"should differ"
                )
            self.once.add(name)
        if kind == "sample" and not msg.get("_control_flow_done", False):
            if msg["is_observed"]:
                msg["value"] = _as_array(name, msg["value"])
            elif msg["value"] is not None:
                raise ModelRefusedError(
                    f"site {name!r} is given a value by handlers.substitute, and is neither drawn "
                    f"nor observed: "
                    "say handlers.condition for an observation, or write the constant into the "
                    "model"
                )


def subsampled(name: str, size: int, part: int) -> ModelRefusedError:
    """The refusal of a plate that takes a part of the data and scales its sites for the rest."""
    return ModelRefusedError(
        f"plate {name!r} is subsampled ({part} of {size}): NumPyro scales its sites by "
        f"{size / part:g}; "
        "pass the whole data set without subsample_size, the energy is n L_n"
    )


def _refuse_undrawable(site: Site) -> None:
    why = why_not_a_density(site["fn"])
    if why is not None:
        raise ModelRefusedError(
            f"site {site['name']!r} is {why}; a parameter needs a prior that integrates to one "
            "(a constant is numpyro.deterministic)"
        )


def _as_array(name: str, value: Any) -> Any:
    """An observed value as NumPy or JAX have arrays, from a list, a series or a frame."""
    if isinstance(value, np.ma.MaskedArray):
        hidden = int(np.ma.getmaskarray(value).sum())
        if hidden:
            raise ModelRefusedError(
                f"site {name!r}: {hidden} of {value.size} observed values are hidden in a NumPy "
                f"masked array, which NumPyro does not read; "
                "give obs=y.filled(0.0) under handlers.mask(mask=~y.mask)"
            )
        return np.array(value.data)
    if isinstance(value, (jax.Array, np.ndarray)):
        array = value
    else:
        try:
            array = np.array(value)
        except (ValueError, TypeError) as error:
            raise ModelRefusedError(
                f"site {name!r}: its observed value of type {type(value).__name__} is not an array"
            ) from error
    if not (jnp.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise ModelRefusedError(
            f"site {name!r}: its observed values have dtype {array.dtype}; they should be numbers"
        )
    return array


def chart(site: Site) -> Transform:
    """The map from unconstrained coordinates to the support of a latent site.

    Raises:
        ModelRefusedError: the support has none in NumPyro.
    """
    name, support = site["name"], site["fn"].support
    if support is not None and support.is_discrete:
        raise ModelRefusedError(
            f"site {name!r} is discrete ({type(site['fn']).__name__}): parameters must be "
            f"continuous; sum discrete ones out"
        )
    try:
        return biject_to(support)
    except NotImplementedError as error:
        raise ModelRefusedError(
            f"site {name!r}: NumPyro has no unconstrained coordinates of its support "
            f"({type(site['fn']).__name__}); "
            "a reparameterisation may have (handlers.reparam)"
        ) from error
