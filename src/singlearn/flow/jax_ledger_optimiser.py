"""What an Optax transformation says of itself: its stages, read from the functions that Optax made,
and refused by name where unknown.

A transformation is a pair of closures. What Optax function made them is their qualified name; what
it was told are the variables that they close over. Nothing else is guessed: the stages that are
read are run once more here, in double precision, and the ledger's rest says whether the weights
moved as they predict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

Leaves = dict[str, np.ndarray]


@dataclass
class UpdateExpression:
    r"""An update while it goes through the stages: :math:`a g + b w + d w + \sum_k m_k v_k`, or an
    array where it cannot be split.

    Attributes:
        value: the whole update without the decoupled decay, by parameter.
        fresh: a, by parameter.
        coupled: b, decay that later stages remember or divide.
        decoupled: d, decay that came after them.
        memories: m, by label and parameter.
        whole: parameters whose update cannot be split.
        nominal: of those, what the gradient-like update was multiplied by since.
        changed: gradients after entrywise changes, where they were changed.
        vectors: memories before the step, by label and parameter.
        remembered: whether a stage with a memory or entrywise division was met.
        momentum: before, after and factor of the memory whose angular momentum is followed, and
            whether the step is heavy ball.
    """

    value: Leaves
    fresh: dict[str, float]
    coupled: dict[str, float] = field(default_factory=dict)
    decoupled: dict[str, float] = field(default_factory=dict)
    memories: dict[str, dict[str, float]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    nominal: dict[str, float] = field(default_factory=dict)
    changed: Leaves = field(default_factory=dict)
    vectors: dict[str, Leaves] = field(default_factory=dict)
    remembered: bool = False
    momentum: tuple[Leaves, Leaves, float, bool] | None = None

    def scale(self, names: set[str], factor: float) -> None:
        """Multiply all that there is."""
        for name in names & set(self.value):
            self.value[name] = factor * self.value[name]
            for coefficients in (
                self.fresh,
                self.coupled,
                self.decoupled,
                self.nominal,
                *self.memories.values(),
            ):
                if name in coefficients:
                    coefficients[name] *= factor

    def remember(self, names: set[str], weights: Leaves) -> None:
        """What decayed so far is remembered from here on."""
        self.remembered = True
        for name in names & set(self.decoupled):
            share = self.decoupled.pop(name)
            self.coupled[name] = self.coupled.get(name, 0.0) + share
            self.value[name] = self.value[name] + share * weights[name]

    def replace(self, name: str, value: np.ndarray) -> None:
        """From here on the update of a parameter cannot be split."""
        self.value[name] = value
        self.whole.add(name)
        self.nominal[name] = 1.0
        self.fresh[name] = 0.0
        self.coupled.pop(name, None)
        for coefficients in self.memories.values():
            coefficients.pop(name, None)

    def is_plain(self, name: str) -> bool:
        """Whether the update is still the gradient times a number."""
        others = (self.coupled, self.decoupled, *self.memories.values())
        return name not in self.whole and not any(coefficients.get(name) for coefficients in others)

    def change(self, name: str, value: np.ndarray) -> None:
        """Somebody changes entries of what has come so far."""
        if self.is_plain(name) and self.fresh[name] != 0.0:
            self.value[name] = value
            self.changed[name] = value / self.fresh[name]
        else:
            self.replace(name, value)


@dataclass(frozen=True)
class Scope:
    """Where a stage acts.

    Attributes:
        names: of the parameters it sees.
        weights: all of them, before the step.
        settings: what the stage's functions close over.
        before: its state.
        after: its state after the step.
    """

    names: set[str]
    weights: Leaves
    settings: Mapping[str, Any]
    before: Any
    after: Any


def leaves(tree: Any) -> Leaves:
    """Arrays of a tree by the path to them, in double precision.

    >>> sorted(leaves({"layer": {"kernel": np.ones(2), "bias": np.zeros(1)}}))
    ['layer.bias', 'layer.kernel']
    """
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {path_name(path): np.asarray(leaf).astype(np.float64) for path, leaf in paths}


def path_name(path: Any) -> str:
    """A path of a tree as a name, parts joined by dots."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def made_by(transformation: Any) -> str:
    """Which function made a transformation: its module and name."""
    update = transformation.update
    name = getattr(update, "__qualname__", type(update).__name__).split(".<locals>")[0]
    return f"{getattr(update, '__module__', '')}:{name}"


def settings_of(transformation: Any) -> dict[str, Any]:
    """What the update function closes over."""
    update = transformation.update
    names = update.__code__.co_freevars
    cells = update.__closure__ or ()
    found = {}
    for name, cell in zip(names, cells, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # a variable that was never set
            found[name] = None
    return found


@dataclass(frozen=True)
class _Pair:
    """An update function with its name, where Optax keeps no transformation."""

    update: Callable[..., Any]


def check(transformation: Any) -> None:
    """Refuse a transformation that has a stage which is not known.

    Raises:
        ValueError: by the name of the Optax function that made the stage.
    """
    maker = made_by(transformation)
    settings = (
        settings_of(transformation) if getattr(transformation.update, "__code__", None) else {}
    )
    kind = _kind(maker)
    if kind in ("chain", "named_chain"):
        for part in _parts(settings):
            check(part)
    elif kind == "masked":
        check(settings["inner"])
    elif kind == "partition":
        for part in settings["transforms"].values():
            check(part)
    elif kind == "with_extra_args_support":
        check(settings["tx"])
    elif kind == "inject_hyperparams":
        _check_injected(settings)
    elif kind not in STAGES:
        known = ", ".join(
            sorted({*STAGES, "chain", "named_chain", "masked", "partition", "inject_hyperparams"})
        )
        raise ValueError(
            f"optimizer: it has a stage of {maker.replace(':', '.')}, whose step is not known "
            f"here; Optax's {known} are. "
            "unread='split' splits steps of any other into what is of first and of second order"
        )


def _check_injected(settings: Mapping[str, Any]) -> None:
    numbers = (
        {name: 0.5 for name in (*settings["numeric_hps"], *settings["sched_hps"])}
        if "numeric_hps" in settings
        else None
    )
    if numbers is None:
        numbers = dict.fromkeys(settings.get("sched_hps", ()), 0.5)
    try:
        inner = settings["inner_factory"](**settings["other_hps"], **numbers)
    except TypeError:
        return  # settings that only the state has; read again at the first step
    check(inner)


def _kind(maker: str) -> str:
    module, _, name = maker.partition(":")
    return name if module.partition(".")[0] == "optax" else maker


def _parts(settings: Mapping[str, Any]) -> list[Any]:
    """Stages of a chain: Optax keeps their update functions, or the transformations, by version."""
    parts = settings.get("update_fns") or settings.get("transforms", ())
    parts = [
        part[1] if isinstance(part, tuple) and isinstance(part[0], str) else part for part in parts
    ]
    return [part if hasattr(part, "update") else _Pair(part) for part in parts]


def run(transformation: Any, expression: UpdateExpression, scope: Scope) -> None:
    """Send an update through a transformation once more.

    Args:
        transformation: that was checked.
        expression: the update so far; changed in place.
        scope: what the transformation sees; its settings are not used.
    """
    maker = made_by(transformation)
    kind, settings = _kind(maker), settings_of(transformation)
    here = Scope(scope.names, scope.weights, settings, scope.before, scope.after)
    if kind in ("chain", "named_chain"):
        parts = _parts(settings)
        befores, afters = (
            list(s.values()) if isinstance(s, dict) else list(s)
            for s in (scope.before, scope.after)
        )
        for part, before, after in zip(parts, befores, afters, strict=True):
            run(part, expression, Scope(scope.names, scope.weights, {}, before, after))
    elif kind == "masked":
        names = _masked_names(settings["mask"], expression, scope)
        run(
            settings["inner"],
            expression,
            Scope(names, scope.weights, {}, scope.before.inner_state, scope.after.inner_state),
        )
    elif kind == "partition":
        for group, part in settings["transforms"].items():
            before, after = (
                state.inner_states[group].inner_state for state in (scope.before, scope.after)
            )
            names = _labelled(settings["param_labels"], group, scope)
            run(part, expression, Scope(names, scope.weights, {}, before, after))
    elif kind == "with_extra_args_support":
        run(settings["tx"], expression, scope)
    elif kind == "inject_hyperparams":
        inner = settings["inner_factory"](**settings["other_hps"], **dict(scope.after.hyperparams))
        run(
            inner,
            expression,
            Scope(
                scope.names, scope.weights, {}, scope.before.inner_state, scope.after.inner_state
            ),
        )
    else:
        STAGES[kind](expression, here)


def schedules(transformation: Any, state: Any) -> list[Any]:
    """Values of all schedules at this step, in the order of the stages, computed where the
    transformation computes them: another program may round them otherwise.

    Args:
        transformation: that was checked.
        state: before the step; its arrays may be traced.
    """
    kind, settings = _kind(made_by(transformation)), settings_of(transformation)
    if kind in ("chain", "named_chain"):
        states = list(state.values()) if isinstance(state, dict) else list(state)
        return [
            value
            for part, own in zip(_parts(settings), states, strict=True)
            for value in schedules(part, own)
        ]
    if kind == "masked":
        return schedules(settings["inner"], state.inner_state)
    if kind == "partition":
        inner = state.inner_states
        return [
            value
            for group, part in settings["transforms"].items()
            for value in schedules(part, inner[group].inner_state)
        ]
    if kind == "with_extra_args_support":
        return schedules(settings["tx"], state)
    function = settings.get(
        {"scale_by_schedule": "step_size_fn", "add_decayed_weights": "weight_decay"}.get(kind, "")
    )
    return [function(state.count)] if callable(function) else []


TREE: list[Any] = []
"""The tree of the weights that masks and labels are asked about, set by the ledger while it reads a
step.
"""
SCHEDULED: list[Any] = []
"""Values of the schedules of that step that no stage has used yet."""


def _masked_names(mask: Any, expression: UpdateExpression, scope: Scope) -> set[str]:
    whole = mask(TREE[-1]) if callable(mask) else mask
    return scope.names & _names_under(whole, lambda value: bool(value))


def _labelled(labels: Any, group: Any, scope: Scope) -> set[str]:
    whole = labels(TREE[-1]) if callable(labels) else labels
    return scope.names & _names_under(whole, lambda value: value == group)


def _names_under(tree: Any, chosen: Callable[[Any], bool]) -> set[str]:
    """Names of the weights under chosen leaves of a tree that may stop above them."""
    spread = jax.tree.map(lambda leaf, part: jax.tree.map(lambda _: leaf, part), tree, TREE[-1])
    return {
        path_name(path)
        for path, leaf in jax.tree_util.tree_flatten_with_path(spread)[0]
        if chosen(leaf)
    }


def _nothing(expression: UpdateExpression, scope: Scope) -> None:
    return None


def _zero(expression: UpdateExpression, scope: Scope) -> None:
    expression.scale(scope.names, 0.0)


def _scale(expression: UpdateExpression, scope: Scope) -> None:
    expression.scale(scope.names, float(scope.settings["step_size"]))


def _schedule(expression: UpdateExpression, scope: Scope) -> None:
    expression.scale(scope.names, float(SCHEDULED.pop(0)))


def _trace(expression: UpdateExpression, scope: Scope) -> None:
    decay, nesterov = float(scope.settings["decay"]), bool(scope.settings["nesterov"])
    before, after = leaves(scope.before.trace), leaves(scope.after.trace)
    names = scope.names & set(before)
    expression.remember(names, scope.weights)
    label = f"v{len(expression.vectors)}"
    expression.vectors[label] = before
    plain = not expression.whole & names and not nesterov
    expression.momentum = (before, after, decay, plain and expression.momentum is None)
    fresh, memory = (1.0 + decay, decay**2) if nesterov else (1.0, decay)
    for name in names:
        one = {name}
        if name in expression.whole:
            expression.value[name] = fresh * expression.value[name] + memory * before[name]
            expression.nominal[name] *= fresh
            continue
        expression.scale(one, fresh)
        expression.value[name] = expression.value[name] + memory * before[name]
        expression.memories.setdefault(label, {})[name] = memory


def _ema(expression: UpdateExpression, scope: Scope) -> None:
    decay = float(scope.settings["decay"])
    before, after = leaves(scope.before.ema), leaves(scope.after.ema)
    names = scope.names & set(before)
    expression.remember(names, scope.weights)
    label = f"v{len(expression.vectors)}"
    expression.vectors[label] = before
    plain = not expression.whole & names and expression.momentum is None
    expression.momentum = (before, after, decay, plain)
    debias = 1.0 - decay ** float(scope.after.count) if scope.settings["debias"] else 1.0
    for name in names:
        if name in expression.whole:
            expression.value[name] = (
                decay * before[name] + (1 - decay) * expression.value[name]
            ) / debias
            expression.nominal[name] *= (1 - decay) / debias
            continue
        expression.scale({name}, (1 - decay) / debias)
        expression.value[name] = expression.value[name] + decay / debias * before[name]
        expression.memories.setdefault(label, {})[name] = decay / debias


def _decay(expression: UpdateExpression, scope: Scope) -> None:
    given = scope.settings["weight_decay"]
    rate = float(SCHEDULED.pop(0) if callable(given) else given)
    for name in scope.names & set(expression.value):
        expression.decoupled[name] = expression.decoupled.get(name, 0.0) + rate


def _total(expression: UpdateExpression, scope: Scope, name: str) -> np.ndarray:
    """The update as the next stage sees it."""
    return expression.value[name] + expression.decoupled.get(name, 0.0) * scope.weights[name]


def _global_norm(expression: UpdateExpression, scope: Scope) -> None:
    most = float(scope.settings["max_norm"])
    norm = float(
        np.sqrt(sum(float(np.sum(_total(expression, scope, name) ** 2)) for name in scope.names))
    )
    if norm >= most:
        expression.scale(scope.names, most / norm)


def _clip(expression: UpdateExpression, scope: Scope) -> None:
    most = float(scope.settings["max_delta"])
    _entrywise(expression, scope, lambda x: np.clip(x, -most, most))


def _block_rms(expression: UpdateExpression, scope: Scope) -> None:
    most = float(scope.settings["threshold"])
    _entrywise(expression, scope, lambda x: x / max(1.0, float(np.sqrt(np.mean(x**2))) / most))


def _entrywise(
    expression: UpdateExpression, scope: Scope, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    for name in scope.names & set(expression.value):
        before = _total(expression, scope, name)
        after = change(before)
        if not np.array_equal(before, after):
            expression.remember({name}, scope.weights)
            expression.change(name, after)


def _adam(expression: UpdateExpression, scope: Scope) -> None:
    s = {name: value for name, value in scope.settings.items()}
    first, second, eps, root = (float(s[name]) for name in ("b1", "b2", "eps", "eps_root"))
    count = float(scope.after.count)
    mu, nu, before = leaves(scope.after.mu), leaves(scope.after.nu), leaves(scope.before.mu)
    names = scope.names & set(mu)
    expression.remember(names, scope.weights)
    expression.momentum = (before, mu, first, False)
    for name in names:
        if s["nesterov"]:
            ahead = mu[name] / (1 - first ** (count + 1))
            mean = first * ahead + (1 - first) * expression.value[name] / (1 - first**count)
        else:
            mean = mu[name] / (1 - first**count)
        expression.replace(name, mean / (np.sqrt(nu[name] / (1 - second**count) + root) + eps))


def _rms(expression: UpdateExpression, scope: Scope) -> None:
    s = scope.settings
    decay, eps = float(s["decay"]), float(s["eps"])
    nu = leaves(scope.after.nu)
    names = scope.names & set(nu)
    expression.remember(names, scope.weights)
    corrected = 1 - decay ** float(scope.after.count) if s.get("bias_correction") else 1.0
    for name in names:
        spread = nu[name] / corrected
        below = np.sqrt(spread + eps) if s["eps_in_sqrt"] else np.sqrt(spread) + eps
        expression.replace(name, expression.value[name] / below)


STAGES: dict[str, Callable[[UpdateExpression, Scope], None]] = {
    "identity": _nothing,
    "set_to_zero": _zero,
    "scale": _scale,
    "scale_by_schedule": _schedule,
    "trace": _trace,
    "ema": _ema,
    "add_decayed_weights": _decay,
    "clip_by_global_norm": _global_norm,
    "clip": _clip,
    "clip_by_block_rms": _block_rms,
    "scale_by_adam": _adam,
    "scale_by_rms": _rms,
}
"""What each Optax function does to an update."""
