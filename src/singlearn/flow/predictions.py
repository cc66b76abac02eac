r"""What a modified gradient flow says of conserved quantities over many steps, before a step is
made.

Gradient descent with rate η follows the flow of :math:`L + \frac{η}{4} |∇L|^2` up to order η²
(backward error analysis; Barrett & Dherin 2021). That added term does not have the symmetries of L,
and moves a law :math:`Q = \langle w, w \rangle_σ` by

.. math:: \dot Q = η \langle g, g \rangle_σ

since differentiating :math:`\langle w, g \rangle_σ = 0` along g gives :math:`\langle w, H g
\rangle_σ = -\langle g, g \rangle_σ`. Batches add the trace of the gradient's covariance,
:math:`\frac{η}{4} E|g_B|^2` (Smith et al. 2021). Heavy ball goes :math:`\bar η = η/(1 - μ)` per
step, μ/(1 - μ) steps late since it starts from rest, and its drift from the mean gradient is (1 +
μ)/(1 - μ) times larger; that of independent noise is not. Weight decay adds :math:`-2λQ`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from singlearn.flow.law import Law
from singlearn.flow.ledger_forms import Form, Products, Vector, form_of, given_laws, largest, ones
from singlearn.results.result import Answer
from singlearn.running.arguments import random_seed, real_number, whole_number

if TYPE_CHECKING:
    from singlearn.flow.ledger_books import Books

DIGITS = 1e-12
"""What the arithmetic of the prediction is good for, relative to |w|²."""
LOOKS = 16
"""Moments of a run at which batches are drawn for the spread."""
DRAWS = 64
"""Batches drawn at a time at which the spread is asked for."""


@dataclass(frozen=True)
class Predicted(Answer):
    """One law, predicted.

    Attributes:
        law: of the flow.
        steps: numbers of steps.
        values: after so many steps; the first axis goes over the steps.
        errors: what orders of η beyond the modified equation may add, alike.
        spread: standard deviation between runs that the draw of batches alone makes, alike; None
            for full batches and for momentum.
    """

    law: Law
    steps: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    spread: np.ndarray | None

    def summary(self) -> str:
        """All of it, for people."""
        moved = largest(self.values[-1] - self.values[0])
        spread = (
            ""
            if self.spread is None
            else (
                f", spread between runs {largest(self.spread[-1]):.2g} by the draw of batches "
                f"alone "
                "(that noise moves the path comes on top)"
            )
        )
        return (
            f"{self.law.formula}: moves by {moved:.3g} ± {largest(self.errors[-1]):.1g} in "
            f"{self.steps[-1]} steps{spread}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        spread = None if self.spread is None else self.spread.tolist()
        values = {"values": self.values.tolist(), "errors": self.errors.tolist(), "spread": spread}
        return {"law": self.law.formula, "steps": self.steps.tolist(), **values}


@dataclass(frozen=True)
class Prediction(Answer):
    """All laws, predicted.

    Attributes:
        laws: one entry for each.
    """

    laws: tuple[Predicted, ...]

    def summary(self) -> str:
        """All of it, for people."""
        return "\n".join(map(str, self.laws))

    def beside(self, books: Books) -> list[dict[str, Any]]:
        """Predicted and measured changes, law by law, at the last step.

        Args:
            books: the ledger of a run from the same weights over as many steps.

        Returns:
            One row for each law: largest absolute change measured and predicted, the largest
            difference, and what was allowed for it.

        Raises:
            ValueError: the ledger has another number of steps, or other laws.
        """
        rows = []
        accounts = books.accounts
        if len(accounts) != len(self.laws):
            raise ValueError(
                f"books: they have {len(accounts)} laws, the prediction has {len(self.laws)}"
            )
        for one, account in zip(self.laws, accounts, strict=True):
            if books.steps != one.steps[-1]:
                raise ValueError(
                    f"books: they have {books.steps} steps, the prediction ends at {one.steps[-1]}"
                )
            after = np.asarray(account.after.tolist())
            allowed = (
                one.errors[-1] if one.spread is None else np.hypot(one.errors[-1], one.spread[-1])
            )
            change = np.asarray(account.before.tolist())
            rows.append(
                {
                    "law": one.law.formula,
                    "measured": largest(after - change),
                    "predicted": largest(one.values[-1] - one.values[0]),
                    "difference": largest(after - one.values[-1]),
                    "error": largest(allowed),
                }
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {"laws": [one.to_dict() for one in self.laws]}


def predict(
    loss: Callable[..., Any],
    weights: Any,
    laws: Any,
    rate: float,
    steps: int | Sequence[int],
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    examples: Any = None,
    batch: int | None = None,
    replace: bool = False,
    seed: int = 0,
) -> Prediction:
    r"""Where the laws are after many steps of (stochastic) gradient descent, heavy ball, and weight
    decay.

    .. math:: \dot w = -∇\Bigl[L + \frac{\bar η}{4}\Bigl(\frac{1 + μ}{1 - μ} |g|^2 + \mathrm{tr}\, C_B\Bigr)\Bigr] - λ w

    with L the loss, g its gradient, :math:`C_B` the covariance of a batch's gradient, and time
    :math:`\bar η` per step; λ is taken so that weights without a gradient decay as they do in
    discrete steps.

    Args:
        loss: a JAX function of the weights that gives one number; with ``examples``, of the weights
            and one example, and L is the mean.
        weights: a tree of real arrays.
        laws: of the network; parameters are named by their path in the tree, parts joined by dots.
        rate: η.
        steps: a number of steps, or several increasing ones.
        momentum: μ of heavy ball; not for Nesterov.
        weight_decay: λ, added to the gradient.
        examples: a tree of arrays whose first axes go over the examples; needed for batches.
        batch: examples in a batch; None: all of them at every step.
        replace: whether the examples of a batch are drawn independently; else without putting back.
        seed: of the batches that are drawn for the spread.

    Returns:
        Values at 0 and at ``steps``, with errors. The error is the next order in η as the first two
        show it: the part of the drift that is quadratic in η, and the difference between sum and
        integral at the ends (with momentum also the start from rest).

    Raises:
        ValueError: a loss that is not one number, batches without examples, a law of another form,
            settings out of range.
        RuntimeError: the modified flow blows up: the steps are too large for it.

    Example:
        >>> import jax.numpy as jnp
        >>> from singlearn.flow import count
        >>> weights = {"W1": np.array([[2.0]]), "W2": np.array([[1.0]])}
        >>> laws = count({"kind": "linear_chain", "widths": [1, 1, 1]}).laws
        >>> loss = lambda w: 0.5 * jnp.sum((w["W2"] @ w["W1"] - 1) ** 2)
        >>> print(predict(loss, weights, laws, 0.01, 100))
        W1 W1ᵀ - W2ᵀ W2: moves by 0.00327 ± 0.0002 in 100 steps
    """  # noqa: E501
    rate = real_number("rate", rate, above=0, meaning="a positive learning rate")
    mu = real_number(
        "momentum", momentum, above=-1e-300, below=1, meaning="a momentum from 0 to below 1"
    )
    decay = real_number(
        "weight_decay",
        weight_decay,
        above=-1e-300,
        below=1 / rate,
        meaning="a decay from 0 to below 1/rate",
    )
    each = [
        whole_number("steps", n) for n in ([steps] if isinstance(steps, (int, float)) else steps)
    ]
    if not each or sorted(set(each)) != each:
        raise ValueError(f"steps: got {steps!r}; they should increase")
    problem = _Problem(
        loss, weights, given_laws(laws)[0], rate, mu, decay, examples, batch, replace
    )
    return problem.solve(np.array([0, *each]), np.random.default_rng(random_seed(seed)))


class _Problem:
    def __init__(
        self,
        loss: Callable[..., Any],
        weights: Any,
        laws: tuple[Any, ...],
        rate: float,
        mu: float,
        decay: float,
        examples: Any,
        batch: int | None,
        replace: bool,
    ) -> None:
        import jax
        import jax.numpy as jnp

        from singlearn.flow.jax_ledger_optimiser import leaves, path_name

        self.rate, self.mu, self.flow_rate = rate, mu, rate / (1 - mu)
        self.decay = _decay_of_flow(rate, mu, decay)
        flat = leaves(weights)
        self.shapes = {name: array.shape for name, array in flat.items()}
        self.start = np.concatenate([array.reshape(-1) for array in flat.values()])
        self.forms = [form_of(law, flat) for law in laws]
        tree = jax.tree.structure(weights)
        order = [path_name(path) for path, _ in jax.tree_util.tree_flatten_with_path(weights)[0]]
        self.names = order
        self.batch = batch

        def tree_of(vector: Any) -> Any:
            parts, at = [], 0
            for name in order:
                size = math.prod(self.shapes[name])
                parts.append(vector[at : at + size].reshape(self.shapes[name]))
                at += size
            return jax.tree.unflatten(tree, parts)

        if batch is not None and examples is None:
            raise ValueError("examples: got None; batches are drawn from examples")
        with jax.enable_x64(True):
            if examples is None:
                self.of = lambda vector: loss(tree_of(vector))
                self.each = None
            else:
                data = jax.tree.map(jnp.asarray, examples)
                self.examples = len(jax.tree.leaves(data)[0])
                self.each = lambda vector: jax.vmap(
                    lambda one: jax.grad(lambda v: loss(tree_of(v), one))(vector)
                )(data)
                self.of = lambda vector: jax.vmap(lambda one: loss(tree_of(vector), one))(
                    data
                ).mean()
            one = jax.tree.map(lambda a: a[0], data) if examples is not None else None
            shape = np.shape(
                jax.eval_shape(
                    lambda v: loss(tree_of(v)) if one is None else loss(tree_of(v), one), self.start
                )
            )
            if shape != ():
                raise ValueError(
                    f"loss: it gives an array of shape {shape}; it should give one "
                    f"number{' for one example' if one else ''}"
                )
            if batch is not None:
                whole_number("batch", batch, at_most=None if replace else self.examples)
                left = 1.0 if replace else (self.examples - batch) / max(1, self.examples - 1)
                self.noise = left / batch
            self.replace = replace
            self.gradient = jax.jit(jax.grad(self.of))
            self.gradients = (
                jax.jit(self.each) if batch is not None and self.each is not None else None
            )
            self.leg = jax.jit(self._leg())

    def _field(self) -> Callable[..., Any]:
        import jax
        import jax.numpy as jnp

        def added(vector: Any) -> Any:
            g = jax.grad(self.of)(vector)
            square = g @ g
            total = (1 + self.mu) / (1 - self.mu) * square
            if self.batch is not None:
                assert self.each is not None
                total = total + self.noise * (
                    jnp.sum(self.each(vector) ** 2) / self.examples - square
                )
            return 0.25 * self.flow_rate * total

        def field(vector: Any, strength: Any) -> Any:
            return (
                -jax.grad(self.of)(vector)
                - strength * jax.grad(added)(vector)
                - self.decay * vector
            )

        return field

    def _leg(self) -> Callable[..., Any]:
        """Runge's and Kutta's fourth-order steps, one for each step of the optimiser: the field may
        jump at the gates of ReLU nodes, which an adaptive solver would look at closer than the
        modified equation is worth.
        """
        import jax

        field = self._field()

        def forward(vector: Any, strength: Any, h: Any) -> Any:
            a = field(vector, strength)
            b = field(vector + 0.5 * h * a, strength)
            c = field(vector + 0.5 * h * b, strength)
            d = field(vector + h * c, strength)
            return vector + h / 6 * (a + 2 * b + 2 * c + d)

        every = jax.vmap(forward, (0, 0, None))
        return lambda vectors, strengths, h, count: jax.lax.fori_loop(
            0, count, lambda _, now: every(now, strengths, h), vectors
        )

    def _paths(self, steps: np.ndarray, strengths: Sequence[float]) -> list[np.ndarray]:
        """Weights after the steps, for each strength of what is added to the loss."""
        import jax

        with jax.enable_x64(True):
            now: Any = np.tile(self.start, (len(strengths), 1))
            found = [np.asarray(now)]
            times = self.flow_rate * (steps - self.mu * (1 - self.mu**steps) / (1 - self.mu))
            for before, after, start, stop in zip(
                steps[:-1], steps[1:], times[:-1], times[1:], strict=True
            ):
                now = self.leg(
                    now,
                    np.asarray(strengths),
                    (stop - start) / (after - before),
                    int(after - before),
                )
                found.append(np.asarray(now))
                if not np.isfinite(found[-1]).all():
                    raise RuntimeError(
                        f"rate: got {self.rate}; the modified flow blows up before step {after}. "
                        f"It speaks of steps for which "
                        f"η(1 + μ)/(1 - μ)² times the curvature is well below 1; here that factor "
                        f"is "
                        f"{self.flow_rate * (1 + self.mu) / (1 - self.mu):.3g}"
                    )
        return [np.array([vectors[k] for vectors in found]) for k in range(len(strengths))]

    def _values(self, form: Form, vectors: np.ndarray) -> np.ndarray:
        return np.array(
            [form.value(Products(form, {"w": self._arrays(vector)}), "w") for vector in vectors]
        )

    def _arrays(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        found, at = {}, 0
        for name in self.names:
            size = math.prod(self.shapes[name])
            found[name] = vector[at : at + size].reshape(self.shapes[name])
            at += size
        return found

    def _second(self, form: Form, gradient: np.ndarray) -> Any:
        """⟨g, g⟩_σ, zero for a linear law."""
        products = Products(form, {"w": self._arrays(gradient)})
        one = [Vector("w", ones(form))]
        return products.pair(one, one) if form.degree == 2 else 0.0 * form.value(products, "w")

    def solve(self, wanted: np.ndarray, random: np.random.Generator) -> Prediction:
        """At the steps that are wanted; for the spread also between them, closer where the loss
        falls fast.
        """
        import jax

        between = (
            wanted[-1] * (np.arange(LOOKS + 1) / LOOKS) ** 2 if self.batch is not None else wanted
        )
        all_steps = np.unique(np.concatenate([wanted, np.rint(between).astype(int)]))
        chosen = np.searchsorted(all_steps, wanted)
        every = self._paths(all_steps, (1.0, 0.5, 0.0))
        paths, steps = [path[chosen] for path in every], wanted
        with jax.enable_x64(True):
            slopes = [np.asarray(self.gradient(vector)) for vector in paths[0]]
        spreads = self._spreads(every[0], all_steps, chosen, random)
        found = []
        for k, form in enumerate(self.forms):
            full, half, none = (self._values(form, path) for path in paths)
            bent = 2 * np.abs(full - 2 * half + none)
            seconds = np.array([self._second(form, slope) for slope in slopes])
            reach = (1 + self.mu) / (1 - self.mu)
            ends = 0.5 * self.flow_rate**2 * reach * np.abs(seconds - seconds[:1])
            rest = (
                self.flow_rate**2
                * self.mu
                / (1 - self.mu)
                * reach
                * np.abs(seconds[:1])
                * (steps > 0).reshape(-1, *[1] * (full.ndim - 1))
            )
            # Decay from rest: what a late start of μ/(1 - μ) steps leaves out.
            late = (
                4
                * (self.decay * self.flow_rate) ** 2
                * self.mu
                / (1 - self.mu) ** 2
                * np.abs(full[:1])
            )
            errors = (
                bent
                + ends
                + rest
                + late
                + DIGITS
                * max(form.size(Products(form, {"w": self._arrays(v)}), "w") for v in paths[0])
            )
            found.append(
                Predicted(form.law, steps, full, errors, None if spreads is None else spreads[k])
            )
        return Prediction(tuple(found))

    def _spreads(
        self, path: np.ndarray, steps: np.ndarray, chosen: np.ndarray, random: np.random.Generator
    ) -> list[np.ndarray] | None:
        """Standard deviations of Σ η²⟨g_B, g_B⟩_σ over independent batches."""
        if self.batch is None or self.mu > 0 or self.gradients is None:
            return None
        import jax

        variances: list[list[Any]] = [[] for _ in self.forms]
        for vector in path:
            with jax.enable_x64(True):
                every = np.asarray(self.gradients(vector))
            batches = [
                every[random.choice(self.examples, self.batch, replace=self.replace)].mean(axis=0)
                for _ in range(DRAWS)
            ]
            for k, form in enumerate(self.forms):
                variances[k].append(
                    np.var([self._second(form, batch) for batch in batches], axis=0, ddof=1)
                )
        found = []
        for one in variances:
            values = self.rate**4 * np.array(one)
            pieces = [
                0.5 * (a + b) * (n - m)
                for a, b, m, n in zip(values[:-1], values[1:], steps[:-1], steps[1:], strict=True)
            ]
            found.append(np.sqrt(np.cumsum([0.0 * values[0], *pieces], axis=0))[chosen])
        return found


def _decay_of_flow(rate: float, mu: float, decay: float) -> float:
    """The rate at which a flow of time η/(1 - μ) per step should decay so that it does what heavy
    ball does without a gradient: the larger root of r² - (1 + μ - ηλ) r + μ.

    >>> round(math.exp(-_decay_of_flow(0.1, 0.0, 0.5) * 0.1), 12)
    0.95
    """
    if decay == 0.0:
        return 0.0
    middle = 1 + mu - rate * decay
    inside = middle**2 - 4 * mu
    if inside < 0:
        raise ValueError(
            f"weight_decay: got {decay}; with momentum {mu} and rate {rate} weights would swing "
            f"through zero, (1 - √μ)²/η is the most"
        )
    root = 0.5 * (middle + math.sqrt(inside))
    if root <= 0:
        raise ValueError(f"weight_decay: got {decay}; times the rate it should be below 1")
    return -math.log(root) * (1 - mu) / rate


def scalar_pair(
    start: float, rates: float | Sequence[float], slopes: Sequence[float] | np.ndarray
) -> Float[np.ndarray, " steps_and_one"]:
    r"""Q = a² - b² of a scalar pair under any gradient descent, exactly: :math:`Q_T = Q_0 \prod_t
    (1 - η_t^2 e_t^2)`.

    Args:
        start: Q_0.
        rates: η, one for all steps or one for each.
        slopes: :math:`e_t = ∂L/∂(ab)` at each step, in units of loss per unit of a b.

    Returns:
        Q before the first step and after every step.

    Raises:
        ValueError: rates and slopes of different lengths.

    Example:
        >>> scalar_pair(3.0, 0.1, [1.0, 0.5]).round(6).tolist()
        [3.0, 2.97, 2.962575]
    """
    e = np.asarray(slopes, dtype=float)
    eta = np.asarray(rates, dtype=float)
    if eta.ndim and eta.shape != e.shape:
        raise ValueError(
            f"rates: got {len(eta)} of them for {len(e)} slopes; there should be one for each, or "
            f"one for all"
        )
    return start * np.concatenate([[1.0], np.cumprod(1 - eta**2 * e**2)])


def expected_change(
    incoming: Float[np.ndarray, "k n"],
    outgoing: Float[np.ndarray, "m k"],
    errors: Float[np.ndarray, "draws m n"],
    rate: float,
) -> Float[np.ndarray, "k k"]:
    r"""The mean change of :math:`Q = W_1 W_1^T - W_2^T W_2` in a step of SGD, over the draws of the
    noise.

    :math:`E[ΔQ] = η^2 (W_2^T E[E E^T] W_2 - W_1 E[E^T E] W_1^T)` exactly, with :math:`E =
    ∂\ell/∂(W_2 W_1)`. A ReLU node is k = 1, its errors those of the inputs that it is active on.

    Args:
        incoming: W_1, or the row of a node.
        outgoing: W_2, or the column of a node.
        errors: E of each draw, (outputs, inputs).
        rate: η.

    Returns:
        The mean of ΔQ, a k × k matrix in units of weights squared.

    Example:
        >>> expected_change(np.array([[2.0]]), np.array([[1.0]]), np.ones((1, 1, 1)), 0.1).round(9).tolist()
        [[-0.03]]
    """  # noqa: E501
    e = np.asarray(errors, dtype=float)
    left = np.einsum("sij,skj->ik", e, e) / len(e)
    right = np.einsum("sij,sik->jk", e, e) / len(e)
    found: Float[np.ndarray, "k k"] = rate**2 * (
        outgoing.T @ left @ outgoing - incoming @ right @ incoming.T
    )
    return found


def noise_balance(inputs: int, outputs: int, product: float) -> tuple[float, float]:
    r"""Where isotropic noise pulls a node: :math:`n|q|^2 = m|w|^2`, equal mean square for each
    weight.

    Args:
        inputs: n, weights into the node.
        outputs: m, weights out of it.
        product: |w||q|, which the function fixes.

    Returns:
        |w|² and |q|².

    Example:
        >>> noise_balance(8, 2, 3.0)
        (6.0, 1.5)
    """
    n, m = whole_number("inputs", inputs), whole_number("outputs", outputs)
    size = real_number("product", product, above=0, meaning="a positive product of norms")
    return size * math.sqrt(n / m), size * math.sqrt(m / n)


def noise_pull(
    start: float,
    inputs: int,
    outputs: int,
    product: float,
    rate: float,
    variance: float,
    steps: Sequence[int],
) -> Float[np.ndarray, " times"]:
    r"""Q = |w|² - |q|² of a node on a valley under isotropic noise of the errors, averaged over
    runs.

    With E of independent entries of variance s², :math:`E[ΔQ] = η^2 s^2 (n|q|^2 - m|w|^2)`; at
    fixed |w||q| = c and :math:`Q = 2c \sinh x` this is :math:`dx/dt = \frac{η^2 s^2}{2} ((n - m) -
    (n + m) \tanh x)` per step.

    Args:
        start: Q at step 0.
        inputs: n.
        outputs: m.
        product: c.
        rate: η.
        variance: s², of one entry of E.
        steps: at which Q is wanted.

    Returns:
        Q after so many steps, up to relative order η.

    Example:
        >>> noise_pull(0.0, 8, 2, 3.0, 0.1, 1.0, [0, 2000]).round(6).tolist()
        [0.0, 4.5]
    """
    c = real_number("product", product, above=0, meaning="a positive product of norms")
    drift = 0.5 * rate**2 * variance
    times = np.asarray(steps, dtype=float)
    found = solve_ivp(
        lambda _, x: drift * ((inputs - outputs) - (inputs + outputs) * np.tanh(x)),
        (0.0, float(times.max(initial=1.0))),
        [math.asinh(start / (2 * c))],
        t_eval=times,
        rtol=1e-10,
        atol=1e-12,
    )
    value: Float[np.ndarray, " times"] = 2 * c * np.sinh(found.y[0])
    return value
