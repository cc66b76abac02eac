"""Gradient flow itself, by an adaptive solver: the curve on which laws hold, with the moments at
which nodes die and local laws end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.flow.law import Law
from singlearn.flow.ledger_forms import Form, Products, form_of, given_laws, largest
from singlearn.results.caution import Caution, Reason, said
from singlearn.results.document import of_each
from singlearn.results.result import Answer
from singlearn.running.arguments import real_number, whole_number

OPENS = 1e-10
"""How far above zero a pre-activation is, relative to the largest one, when its gate is said to
have opened.
"""
CLOSES = 1e-11
"""And at most when it is said to have closed: the flow of a node that dies comes to rest on the
boundary, not beyond it.
"""
HELD = 1e3
"""How many times the solver's tolerance a law may have drifted and still be called held: local
errors add up along the curve.
"""
FIRST = 1e-12
"""Distance from a gate within which it is taken to be on the side it moves to."""


@dataclass(frozen=True)
class FlowEvent(Answer):
    """Something that happened on the way.

    Attributes:
        time: when.
        kind: "dies", "revives", "gate" or "law ends".
        what: in words.
    """

    time: float
    kind: str
    what: str

    def __str__(self) -> str:
        return f"t = {self.time:.6g}: {self.what}"


@dataclass(frozen=True)
class Kept(Answer):
    """One law along the flow.

    Attributes:
        law: itself.
        values: at the times, first axis.
        drift: largest change while the law holds, relative to the largest squared norm that it is
            made of.
        relative_tolerance: of the solver.
        until: when the law ended; None if it held all along.
    """

    law: Law
    values: np.ndarray
    drift: float
    relative_tolerance: float
    until: float | None

    @property
    def held(self) -> bool:
        """Whether the drift is what the solver's tolerance explains."""
        return self.drift <= HELD * self.relative_tolerance

    def __str__(self) -> str:
        end = "" if self.until is None else f", until t = {self.until:.6g}"
        verdict = "held" if self.held else "NOT held"
        return (
            f"{self.law.formula}: {verdict} to {self.drift:.1g} of |w|²{end} (solver tolerance "
            f"{self.relative_tolerance:.1g})"
        )


@dataclass(frozen=True)
class GradientFlow(Answer):
    """A solution of w' = -∇L(w).

    Attributes:
        times: asked for and reached, in units of 1/rate.
        weights: by parameter, first axis over the times.
        losses: at the times.
        laws: what became of each.
        events: in order of time.
        cautions: what is off.
    """

    times: Float[np.ndarray, " times"]
    weights: Mapping[str, np.ndarray]
    losses: Float[np.ndarray, " times"]
    laws: tuple[Kept, ...]
    events: tuple[FlowEvent, ...]
    cautions: tuple[Caution, ...]

    def summary(self) -> str:
        """All of it, for people."""
        head = (
            f"gradient flow to t = {self.times[-1]:.6g}: loss {self.losses[0]:.6g} → "
            f"{self.losses[-1]:.6g}"
        )
        lines = [head, *map(str, self.laws), *map(str, self.events)]
        return "\n".join([*lines, *said(self.cautions, "")])

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        laws = [
            {
                "law": one.law.formula,
                "values": one.values.tolist(),
                "drift": one.drift,
                "held": one.held,
                "until": one.until,
            }
            for one in self.laws
        ]
        events = [
            {"time": event.time, "kind": event.kind, "what": event.what} for event in self.events
        ]
        return {
            "times": self.times.tolist(),
            "losses": self.losses.tolist(),
            "laws": laws,
            "events": events,
            "cautions": of_each(self.cautions),
        }


def gradient_flow(
    loss: Callable[[Any], Any],
    weights: Any,
    times: float | Sequence[float],
    laws: Any = (),
    gates: Callable[[Any], Any] | None = None,
    every_gate: bool = False,
    relative_tolerance: float = 1e-9,
    max_steps: int = 100_000,
    max_events: int = 1000,
) -> GradientFlow:
    """Solve w' = -∇L(w) in double precision, stopping where a node dies or revives and where a
    local law ends.

    Args:
        loss: a JAX function of the weights, one number.
        weights: a tree of real arrays at time 0.
        times: the last one, or all at which the flow is wanted, increasing and positive; 0 is
            added.
        laws: of the network, parameters named by their path in the tree. A law that does not hold
            always ends where its region does, or, if it names none, where the first gate changes;
            for it ``gates`` is needed.
        gates: pre-activations as a function of the weights, (inputs, nodes), or a list of such
            arrays, one for each layer. A node dies when it is negative on all inputs.
        every_gate: list every gate that opens or closes on one input, not only nodes that die or
            revive.
        relative_tolerance: of the solver at each of its steps (absolute: a thousandth of it).
        max_steps: of the solver between two stops.
        max_events: after which the flow is given up: it may slide along a gate.

    Returns:
        Weights, losses, what became of the laws, and events.

    Raises:
        ValueError: times that do not increase, a loss that is not one number, a local law without
            gates.
        ImportError: Diffrax is not installed: ``pip install 'singlearn[flow]'``.

    Example:
        >>> import jax.numpy as jnp
        >>> from singlearn.flow import count
        >>> weights = {"W1": np.array([[2.0]]), "W2": np.array([[1.0]])}
        >>> laws = count({"kind": "linear_chain", "widths": [1, 1, 1]}).laws
        >>> found = gradient_flow(lambda w: 0.5 * jnp.sum((w["W2"] @ w["W1"] - 1) ** 2), weights, 20.0, laws)
        >>> found.laws[0].held, round(found.weights["W1"][-1].item() ** 2 - (3 + 13**0.5) / 2, 6)    # a² = (Q + √(Q² + 4c²))/2
        (True, 0.0)
    """  # noqa: E501
    asked = [
        real_number("times", t, above=0, meaning="a positive time")
        for t in ([times] if isinstance(times, (int, float)) else times)
    ]
    if not asked or sorted(set(asked)) != asked:
        raise ValueError(f"times: got {times!r}; they should increase")
    relative_tolerance = real_number(
        "relative_tolerance",
        relative_tolerance,
        above=0,
        below=1,
        meaning="a tolerance between 0 and 1",
    )
    whole_number("max_events", max_events)
    flow = _Flow(
        loss,
        weights,
        given_laws(laws)[0],
        gates,
        every_gate,
        relative_tolerance,
        whole_number("max_steps", max_steps),
    )
    return flow.solve(np.array([0.0, *asked]), max_events)


class _Flow:
    def __init__(
        self,
        loss: Callable[[Any], Any],
        weights: Any,
        laws: tuple[Any, ...],
        gates: Callable[[Any], Any] | None,
        every_gate: bool,
        relative_tolerance: float,
        max_steps: int,
    ) -> None:
        import jax

        from singlearn.flow.jax_ledger_optimiser import leaves

        flat = leaves(weights)
        self.tree = jax.tree.structure(weights)
        self.arrays = [np.asarray(leaf, dtype=np.float64) for leaf in jax.tree.leaves(weights)]
        self.loss, self.relative_tolerance, self.max_steps = loss, relative_tolerance, max_steps
        self.forms: list[Form] = [form_of(law, flat) for law in laws]
        local = [form.law for form in self.forms if form.law.holds != "always"]
        self.every_gate = every_gate or any(getattr(law, "region", None) is None for law in local)
        self.listed = every_gate
        if local and gates is None:
            raise ValueError(
                f"gates: got None; {local[0].formula} holds {local[0].holds} only, and where it "
                f"ends is seen from the gates"
            )
        self.gates = gates
        with jax.enable_x64(True):
            shape = np.shape(jax.eval_shape(loss, jax.tree.unflatten(self.tree, self.arrays)))
            if shape != ():
                raise ValueError(
                    f"loss: it gives an array of shape {shape}; it should give one number"
                )
            self._compile()

    def _compile(self) -> None:
        import jax
        import jax.numpy as jnp

        try:
            import diffrax
            import optimistix
        except ImportError as missing:
            raise ImportError(
                f"{missing}; gradient_flow needs Diffrax: pip install 'singlearn[flow]'"
            ) from missing
        tree, gates = self.tree, self.gates

        def field(t: Any, y: Any, args: Any) -> Any:
            return [-g for g in jax.tree.leaves(jax.grad(self.loss)(jax.tree.unflatten(tree, y)))]

        def heights(y: Any) -> Any:
            assert gates is not None
            found = gates(jax.tree.unflatten(tree, y))
            layers = found if isinstance(found, (list, tuple)) else [found]
            return jnp.concatenate([jnp.atleast_2d(layer) for layer in layers], axis=1)

        def margin(t: Any, y: Any, args: Any, **more: Any) -> Any:
            """Positive while nothing that is looked for has happened."""
            z, (signs, edges) = heights(y), args
            whole = z if self.every_gate else z.max(axis=0)
            return (signs * (whole - edges)).min()

        self.heights = jax.jit(heights) if gates is not None else None
        event = (
            diffrax.Event(margin, optimistix.Bisection(1e-13, 1e-13, flip="detect"))  # type: ignore[call-arg]
            if gates is not None
            else None
        )

        def solve(y: Any, start: Any, stop: Any, args: Any) -> Any:
            found = diffrax.diffeqsolve(
                diffrax.ODETerm(field),
                diffrax.Dopri5(),
                start,
                stop,
                None,
                y,
                args,
                saveat=diffrax.SaveAt(t1=True),
                event=event,
                stepsize_controller=diffrax.PIDController(
                    rtol=self.relative_tolerance, atol=1e-3 * self.relative_tolerance
                ),
                max_steps=self.max_steps,
                throw=False,
            )
            assert found.ts is not None and found.ys is not None
            happened = jnp.asarray(False) if found.event_mask is None else found.event_mask
            good = (found.result == diffrax.RESULTS.successful) | (
                found.result == diffrax.RESULTS.event_occurred
            )
            return [a[-1] for a in found.ys], found.ts[-1], happened, good

        self.segment = jax.jit(solve)
        self.value = jax.jit(lambda y: self.loss(jax.tree.unflatten(tree, y)))

    def solve(self, times: np.ndarray, max_events: int) -> GradientFlow:
        """From the first time to the last."""
        import jax

        with jax.enable_x64(True):
            return self._solve(times, max_events)

    def _solve(self, times: np.ndarray, max_events: int) -> GradientFlow:
        y = self.arrays
        state = _State(self, y)
        path, reached, events, cautions = [y], [times[0]], list[FlowEvent](), list[Caution]()
        ends: dict[int, float] = {}
        count, now = 0, times[0]
        for stop in times[1:]:
            while now < stop and not cautions:
                later, time, happened, good = self.segment(y, now, stop, state.arguments())
                y, time = [np.asarray(a) for a in later], float(time)
                if not bool(good) or not all(np.isfinite(a).all() for a in y):
                    sentence = (
                        f"the solver gave up at t = {now:.6g}: {self.max_steps} steps were not "
                        f"enough, or the flow blows up"
                    )
                    cautions.append(Caution(Reason.DIVERGED, sentence))
                    break
                now = time
                if bool(happened):
                    count += 1
                    new, any_gate = state.cross(y, now)
                    events += new
                    events += self._ended(y, now, any_gate, ends)
                    if count >= max_events:
                        sentence = (
                            f"{count} events up to t = {now:.6g}, where the flow was given up; it "
                            f"may slide along a gate"
                        )
                        cautions.append(Caution(Reason.UNFINISHED, sentence))
            if cautions:
                break
            events += self._ended(y, now, False, ends)
            path.append(y)
            reached.append(now)
        return self._result(np.array(reached), path, events, ends, cautions)

    def _ended(
        self, y: list[np.ndarray], now: float, any_gate: bool, ends: dict[int, float]
    ) -> list[FlowEvent]:
        """Local laws that end here."""
        found = []
        for k, form in enumerate(self.forms):
            law = form.law
            if k in ends or law.holds == "always":
                continue
            region = getattr(law, "region", None)
            over = any_gate if region is None else not region.contains(self._named(y))
            if over:
                ends[k] = now
                found.append(FlowEvent(now, "law ends", f"{law.formula} no longer holds"))
        return found

    def _named(self, y: list[np.ndarray]) -> dict[str, np.ndarray]:
        import jax

        from singlearn.flow.jax_ledger_optimiser import leaves

        return leaves(jax.tree.unflatten(self.tree, y))

    def _result(
        self,
        times: np.ndarray,
        path: list[list[np.ndarray]],
        events: list[FlowEvent],
        ends: dict[int, float],
        cautions: list[Caution],
    ) -> GradientFlow:
        named = [self._named(y) for y in path]
        weights = {name: np.stack([one[name] for one in named]) for name in named[0]}
        kept = []
        for k, form in enumerate(self.forms):
            values = np.array([form.value(Products(form, {"w": one}), "w") for one in named])
            within = times <= ends.get(k, np.inf)
            size = max(form.size(Products(form, {"w": one}), "w") for one in named)
            drift = largest(values[within] - values[:1]) / max(size, 1e-300)
            kept.append(Kept(form.law, values, drift, self.relative_tolerance, ends.get(k)))
        cautions += [
            Caution(
                Reason.NO_SYMMETRY,
                f"{one.law.formula}: drifts by {one.drift:.2g} of |w|²; the loss does not have "
                f"this symmetry",
            )
            for one in kept
            if not one.held
        ]
        losses = np.array([float(self.value(y)) for y in path])
        return GradientFlow(times, weights, losses, tuple(kept), tuple(events), tuple(cautions))


class _State:
    """Which gates are open, and which nodes are alive."""

    def __init__(self, flow: _Flow, y: list[np.ndarray]) -> None:
        self.flow = flow
        if flow.heights is None:
            self.z: np.ndarray = np.zeros((1, 1))
            return
        self.z = np.asarray(flow.heights(y))
        scale = max(1.0, float(np.abs(self.z).max()))
        self.opens, self.closes = OPENS * scale, CLOSES * scale
        self.open = self.z > 2 * self.closes
        self.alive = self.open.any(axis=0)

    def arguments(self) -> Any:
        """Signs that the pre-activations have, and the heights at which their gates change."""
        if self.flow.heights is None:
            return (np.ones(1), 0.0)
        is_open = self.open if self.flow.every_gate else self.alive
        return np.where(is_open, 1.0, -1.0), np.where(is_open, self.closes, self.opens)

    def cross(self, y: list[np.ndarray], now: float) -> tuple[list[FlowEvent], bool]:
        """Events at a stop, and whether a gate changed."""
        assert self.flow.heights is not None
        z = np.asarray(self.flow.heights(y))
        closes, opens = 2 * self.closes, self.opens * (1 - 1e-6)
        now_open = np.where(self.open, z > closes, z > opens)
        found = []
        if self.flow.listed:
            for i, j in np.argwhere(now_open != self.open):
                word = "opens" if now_open[i, j] else "closes"
                found.append(FlowEvent(now, "gate", f"node {j} {word} on input {i}"))
        changed = bool((now_open != self.open).any())
        if self.flow.every_gate:
            self.open = now_open
            alive = np.asarray(now_open.any(axis=0))
        else:
            top = z.max(axis=0)
            alive = np.asarray(np.where(self.alive, top > closes, top > opens))
            self.open = z > closes
        for j in np.flatnonzero(alive != self.alive):
            word = "revives" if alive[j] else "dies"
            found.append(FlowEvent(now, word, f"node {j} {word}"))
        self.alive = alive
        return found, changed
