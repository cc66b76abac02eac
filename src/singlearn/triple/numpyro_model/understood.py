"""What a model means: which sites are parameters, which are observations, which elements count; or
why it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Bool, Key
from numpyro.distributions import constraints

from singlearn.running.identity import array
from singlearn.triple.densities import innermost, why_not_a_density
from singlearn.triple.intake.indexing import out_of_bounds
from singlearn.triple.numpyro_model.counted import counted_elements
from singlearn.triple.numpyro_model.dependence import Labels
from singlearn.triple.numpyro_model.dimensions import dimension_names
from singlearn.triple.numpyro_model.frozen import Frozen
from singlearn.triple.numpyro_model.statements import (
    Brought,
    ModelRefusedError,
    Site,
    chart,
    subsampled,
)
from singlearn.triple.sites import ObservedSite, Sites

# Independent draws at which the model is looked at.
LOOKS = 16
# Of these, as many are looked at again with other values under a mask.
CHANGED_LOOKS = 3
# What a number depends on that is drawn and is no site.
RANDOM = "random numbers"


@dataclass(frozen=True)
class Understood:
    """The parts of a model that a free energy is made of.

    Attributes:
        parameters: names of the latent sites that are coordinates.
        free: by partly masked parameter, where a value of it is a coordinate, in the shape of the
            value.
        sites: names, dimensions and kept observations.
    """

    parameters: tuple[str, ...]
    free: dict[str, Bool[np.ndarray, "..."]]
    sites: Sites


@dataclass(frozen=True)
class _Survey:
    """A model seen at a few draws: its statements, what they depend on, and their values."""

    statements: dict[str, Site]
    drawn_from: dict[str, Labels]
    depends: dict[str, dict[str, Labels]]
    looks: list[dict[str, dict[str, np.ndarray]]]
    look: Any

    def seen(self, what: str, name: str) -> np.ndarray:
        return self.looks[0][what][name]

    def is_imputed(self, name: str) -> bool:
        """Whether ``obs_mask`` made this latent site beside an observed one."""
        return (
            name.endswith("_unobserved")
            and f"{name.removesuffix('_unobserved')}_observed" in self.statements
        )


def understand(brought: Brought) -> Understood:
    """Read the model's statements, and refuse by name what has no free energy.

    Args:
        brought: a model and its arguments.

    Returns:
        Its parameters and its observations.

    Raises:
        ModelRefusedError: see ``Triple.from_numpyro``.
    """
    statements, chartless = _statements(brought)
    observed = [name for name, site in statements.items() if site["is_observed"]]
    latent = [name for name in statements if name not in observed]
    if not observed:
        raise ModelRefusedError(
            "model: it has no observed site; give one sample statement obs=data"
        )
    if not latent:
        raise ModelRefusedError("model: it has no latent site; there is nothing to learn")
    survey = _look(brought, statements)
    for name in statements:
        _refuse_scaled(name, survey)
        if (
            name in latent
            and not survey.is_imputed(name)
            and not survey.seen("counted", name).any()
        ):
            raise _flat(name, survey.seen("counted", name))
    for name in observed:
        _refuse_observed(name, survey)
    for name in latent:
        _refuse_drawn(name, survey)
    needed = _needed(latent, observed, survey)
    free = _free_elements(needed, survey)
    parameters = [name for name in needed if free.get(name, np.True_).any()]
    for name in parameters:
        if name in chartless:
            raise chartless[name]
    if not parameters:
        raise ModelRefusedError(
            "model: its latent sites are predictions or masked; there is nothing to learn"
        )
    names = dimension_names(
        {name: (site, survey.seen("value", name).shape) for name, site in statements.items()}
    )
    sites = Sites(
        {name: names[name] for name in parameters},
        tuple(_observed_site(name, names[name], survey) for name in observed),
        {
            name: int(kept.sum())
            for name, kept in free.items()
            if name in parameters and survey.is_imputed(name)
        },
    )
    if not any(site.size for site in sites.observed):
        raise ModelRefusedError(
            f"model: every observation of {', '.join(observed)} is masked; n = 0, at least one is "
            f"needed"
        )
    return Understood(tuple(parameters), free, sites)


def _statements(brought: Brought) -> tuple[dict[str, Site], dict[str, ModelRefusedError]]:
    """The sample statements, without values, and which latent ones have no chart; refuses what is
    wrong as it stands.
    """
    found: dict[str, Any] = {}
    chartless: dict[str, ModelRefusedError] = {}

    def draw(key: Key[Array, ""]) -> Array:
        found["trace"], found["fixed"] = brought.run(key)
        for name, site in found["trace"].items():
            if site["type"] == "sample" and not site["is_observed"]:
                try:
                    chart(site)
                except ModelRefusedError as error:
                    chartless[name] = error
        return jnp.zeros(())

    jax.eval_shape(draw, jax.random.key(0))
    for name, site in found["trace"].items():
        kind = site["type"]
        if kind == "plate" and site["args"][0] != len(site["value"]):
            raise subsampled(name, site["args"][0], len(site["value"]))
        if kind == "param" and name not in found["fixed"] and jax.tree.leaves(site["value"]):
            raise ModelRefusedError(
                f"site {name!r} is a param statement, which has no prior and would stay at its "
                f"initial value: "
                "give it a prior by handlers.lift, or a value by handlers.substitute"
            )
        if kind == "mutable":
            raise ModelRefusedError(
                f"site {name!r} is a mutable state; a likelihood has none, it is a function of the "
                f"parameters"
            )
        if kind == "sample" and site["is_observed"] and why_not_a_density(site["fn"]) is not None:
            if isinstance(innermost(site["fn"]), dist.Unit):
                raise ModelRefusedError(
                    f"site {name!r} is a factor statement, neither prior nor observation: write it "
                    f"as a distribution"
                )
            raise ModelRefusedError(
                f"site {name!r} is observed and {why_not_a_density(site['fn'])}: a factor "
                f"statement in disguise, "
                "neither prior nor observation; write it as a distribution"
            )
    return {
        name: site for name, site in found["trace"].items() if site["type"] == "sample"
    }, chartless


def _look(brought: Brought, statements: dict[str, Site]) -> _Survey:
    """Trace every density as a function of the latent values, and evaluate all at a few draws."""
    latent = [name for name, site in statements.items() if not site["is_observed"]]

    def draw(key: Key[Array, ""]) -> dict[str, Array]:
        trace, _ = brought.run(key)
        _refuse_other_sites(trace, statements)
        return {name: jnp.asarray(trace[name]["value"]) for name in latent}

    def look(values: dict[str, Array], key: Key[Array, ""]) -> dict[str, dict[str, Any]]:
        trace, _ = brought.run(key, lambda site: values.get(site["name"]))
        _refuse_other_sites(trace, statements)
        found: dict[str, dict[str, Any]] = {
            what: {} for what in ("value", "log_prob", "counted", "scale", "inside")
        }
        for name in statements:
            site = trace[name]
            value, scale = jnp.asarray(site["value"]), site["scale"]
            shape = jnp.broadcast_shapes(value.shape, tuple(site["fn"].shape()))
            found["value"][name] = value
            found["log_prob"][name] = jnp.asarray(site["fn"].log_prob(value))
            found["counted"][name] = jnp.broadcast_to(counted_elements(name, site["fn"]), shape)
            found["scale"][name] = jnp.asarray(1.0 if scale is None else scale)
            if site["is_observed"]:
                found["inside"][name] = jnp.broadcast_to(_inside(site["fn"].support, value), shape)
        return found

    keys = [jax.random.key(i) for i in range(LOOKS)]
    drawing = Frozen(draw, keys[0])
    values = [jax.jit(drawing)(key) for key in keys]
    # Two functions, for JAX does not trace one function twice.
    looking, again = (Frozen(lambda *at: look(*at), values[0], keys[0]) for _ in range(2))
    if sentence := out_of_bounds(looking.traced, [None] * len(looking.traced.in_avals)):
        raise ModelRefusedError(
            f"model: {sentence}; JAX would take the nearest entry in its place. Indices and labels "
            f"of groups should count from 0"
        )
    compiled = jax.jit(looking)
    if not looking.reads_like(again):
        first, second = compiled(values[0], keys[0]), jax.jit(again)(values[0], keys[0])
        same = jax.tree.map(
            lambda a, b: np.array_equal(a, b, equal_nan=a.dtype.kind == "f"),
            *jax.tree.map(np.asarray, (first, second)),
        )
        if not jax.tree.all(same):
            raise ModelRefusedError(
                "model: it gives other values at the same parameters when it is called again; "
                "it should draw nothing by itself (numpy.random) and keep nothing between calls"
            )
    # A dict has its keys in order when JAX flattens it.
    labels = [frozenset([name]) for name in sorted(latent)] + [frozenset([RANDOM])]
    return _Survey(
        statements,
        drawing.depends([frozenset([RANDOM])]),
        looking.depends(labels),
        [
            jax.tree.map(np.asarray, compiled(own, key))
            for own, key in zip(values, keys, strict=True)
        ],
        lambda own: jax.tree.map(np.asarray, compiled(own, keys[0])),
    )


def _refuse_other_sites(trace: dict[str, Site], statements: dict[str, Site]) -> None:
    found = {name for name, site in trace.items() if site["type"] == "sample"}
    if found != set(statements):
        raise ModelRefusedError(
            f"model: site {min(found ^ set(statements))!r} is in one call and not in the next; "
            "it should make the same statements always"
        )


def _inside(support: Any, value: Array) -> Array:
    """Where a value is in the support: element by element, or whole events where it binds their
    elements (counts of a given sum).
    """
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    if support is None or constraints.is_dependent(support):
        return jnp.ones(value.shape, bool)
    inside = jnp.asarray(support(value))
    return inside.reshape(inside.shape + (1,) * (value.ndim - inside.ndim))


def _refuse_scaled(name: str, survey: _Survey) -> None:
    scale = survey.seen("scale", name)
    if not survey.depends["scale"][name] and bool(np.all(scale == 1)):
        return
    given = f"{scale:g}" if scale.ndim == 0 else f"numbers from {scale.min():g} to {scale.max():g}"
    if survey.statements[name]["is_observed"]:
        raise ModelRefusedError(
            f"site {name!r} is scaled by {given} (handlers.scale): its log density times a number "
            f"is not that of n observations; "
            "repeat rows for whole-number weights, or write the weights into the distribution"
        )
    raise ModelRefusedError(
        f"site {name!r} is scaled by {given} (handlers.scale): a prior density to a power does not "
        f"integrate to one; "
        "write the prior that is meant"
    )


def _refuse_observed(name: str, survey: _Survey) -> None:
    value, counted = survey.seen("value", name), survey.seen("counted", name)
    behind = survey.depends["value"][name]
    if behind - {RANDOM}:
        raise ModelRefusedError(
            f"site {name!r}: its observed value is computed from {_listed(behind - {RANDOM})}, and "
            f"data do not depend on parameters; "
            "write the distribution of the data themselves, obs=data"
        )
    if RANDOM in behind | survey.depends["log_prob"][name]:
        raise ModelRefusedError(
            f"site {name!r} depends on random numbers that are not sites (numpyro.prng_key, or a "
            f"site hidden by handlers.block): "
            "its log density is not a function of the parameters"
        )
    if survey.depends["counted"][name]:
        raise ModelRefusedError(
            f"site {name!r}: its mask depends on {_listed(survey.depends['counted'][name])}, so "
            f"that n is not a number; "
            "mask by what is known of the data"
        )
    if value.size != counted.size:
        shape = tuple(survey.statements[name]["fn"].shape())
        raise ModelRefusedError(
            f"site {name!r}: its observed value has shape {value.shape} and its distribution "
            f"{shape}, which broadcast to "
            f"{counted.shape}: {counted.size} terms for {value.size} data; give both one shape"
        )
    flat_value, flat_counted = value.reshape(counted.shape), counted
    bad = np.argwhere(~np.isfinite(flat_value) & flat_counted)
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        raise ModelRefusedError(
            f"site {name!r}: {len(bad)} of {int(counted.sum())} observed values are not finite, "
            f"the first at {index} is "
            f"{flat_value[index]}; leave out NaN and other missing values, or mask them "
            f"(handlers.mask, obs_mask)"
        )
    never = np.argwhere(np.isnan([look["log_prob"][name] for look in survey.looks]).all(axis=0))
    if len(never):
        index = tuple(int(i) for i in never[0])
        raise ModelRefusedError(
            f"site {name!r}: the log density of {len(never)} observations, the first at {index}, "
            f"is NaN at each of {LOOKS} prior draws; "
            "a covariate may be missing there"
        )
    poles = np.argwhere(np.isposinf([look["log_prob"][name] for look in survey.looks]).any(axis=0))
    if len(poles):
        index = tuple(int(i) for i in poles[0])
        raise ModelRefusedError(
            f"site {name!r}: the density of "
            f"{type(innermost(survey.statements[name]['fn'])).__name__} is infinite at "
            f"{len(poles)} "
            f"observations, the first at {index}: a pole of the density has no likelihood; move "
            f"values at the edge of the support inside, "
            "by half of the last digit they were measured to, say"
        )
    outside = np.argwhere(~survey.seen("inside", name) & counted)
    if len(outside) and not survey.depends["inside"][name]:
        index = tuple(int(i) for i in outside[0])
        raise ModelRefusedError(
            f"site {name!r}: {len(outside)} of {int(counted.sum())} observed values lie outside "
            f"the support of "
            f"{type(innermost(survey.statements[name]['fn'])).__name__}, the first at {index} is "
            f"{flat_value[index]}"
        )


def _refuse_drawn(name: str, survey: _Survey) -> None:
    if RANDOM not in survey.drawn_from[name]:
        raise ModelRefusedError(
            f"site {name!r} has the same value in every draw (handlers.substitute, or a "
            f"distribution without randomness): "
            "say handlers.condition for an observation, or numpyro.deterministic for a constant"
        )
    if RANDOM in survey.depends["log_prob"][name]:
        raise ModelRefusedError(
            f"site {name!r}: its prior depends on random numbers that are not sites "
            f"(numpyro.prng_key, or a site hidden by "
            "handlers.block): it is not a function of the parameters"
        )
    if survey.depends["counted"][name]:
        raise ModelRefusedError(
            f"site {name!r}: its mask depends on {_listed(survey.depends['counted'][name])}, so "
            f"that its prior is improper now and then"
        )
    if np.all([~np.isfinite(look["log_prob"][name]) for look in survey.looks], axis=0).any():
        raise ModelRefusedError(
            f"site {name!r}: its prior density is not finite at any of {LOOKS} draws of its own; "
            f"check the parameters of {type(innermost(survey.statements[name]['fn'])).__name__}"
        )


def _needed(latent: list[str], observed: list[str], survey: _Survey) -> list[str]:
    """The latent sites that observations depend on, and those that depend on nothing.

    A site that hangs on others, and on which nothing hangs that was observed, is a prediction, such
    as the unobserved values of ``obs_mask``: its density integrates to one whatever the rest is,
    and it is not a parameter.
    """
    parents = {
        name: set(survey.depends["log_prob"][name]) - {name} for name in [*latent, *observed]
    }
    needed = {name for name in latent if not parents[name] and not survey.is_imputed(name)}
    waiting = [*observed, *needed]
    while waiting:
        new = parents[waiting.pop()] - needed
        needed |= new
        waiting += new
    return [name for name in latent if name in needed]


def _free_elements(names: list[str], survey: _Survey) -> dict[str, Bool[np.ndarray, "..."]]:
    """Of partly masked parameters the elements that are not; refuses one whose masked, hence flat,
    elements matter.
    """
    free = {
        name: survey.seen("counted", name)
        for name in names
        if not survey.seen("counted", name).all()
    }
    for name, counted in free.items():
        for i, look in enumerate(survey.looks[:CHANGED_LOOKS]):
            values = {latent: look["value"][latent] for latent in survey.drawn_from}
            values[name] = np.where(counted, values[name], survey.looks[i + 1]["value"][name])
            changed = survey.look(values)["log_prob"]
            same = (
                np.array_equal(changed[s], look["log_prob"][s], equal_nan=True) for s in changed
            )
            if not all(same):
                raise _flat(name, counted)
    return free


def _flat(name: str, counted: Bool[np.ndarray, "..."]) -> ModelRefusedError:
    hidden = f"{int((~counted).sum())} of {counted.size}"
    return ModelRefusedError(
        f"site {name!r} is improper: a mask hides its prior density ({hidden} values), and a flat "
        f"prior has no evidence; "
        "give it a wide proper prior, without the mask"
    )


def _observed_site(name: str, names: tuple[str, ...], survey: _Survey) -> ObservedSite:
    shape = survey.seen("log_prob", name).shape
    counted = survey.seen("counted", name)
    kept = counted.reshape(*shape, -1).any(axis=-1).reshape(-1)
    return ObservedSite(
        name,
        shape,
        names[: len(shape)],
        None if kept.all() else tuple(np.flatnonzero(kept).tolist()),
        int(np.prod(counted.shape[len(shape) :])),
        array(np.asarray(survey.seen("value", name))[counted])["digest"],
    )


def _listed(labels: Labels | set[str]) -> str:
    return ", ".join(repr(label) for label in sorted(labels))
