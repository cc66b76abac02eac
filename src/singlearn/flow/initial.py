"""Which rotations of a layer's outputs leave their law as it is at initialisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.flow.initial_laws import EntryLaw, read_initialiser
from singlearn.flow.initial_test import draws_to_see, kept_group_scores, p_value, scores
from singlearn.results.result import Answer
from singlearn.running.arguments import random_seed, whole_number

ALL, SIGNED, PERMUTATIONS, FIXED = (
    "O(d)",
    "signed permutations",
    "permutations",
    "O(d-1), the rotations that keep (1, …, 1)",
)
MOST_INPUTS = 4
ODD = ("tanh", "erf", "sin", "arctan", "softsign", "sign")
ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "tanh": np.tanh,
    "sin": np.sin,
    "arctan": np.arctan,
    "softsign": lambda z: z / (1 + np.abs(z)),
    "sign": np.sign,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.logaddexp(z, 0),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z * 0.5 * (1 + _erf(z / math.sqrt(2))),
    "erf": lambda z: _erf(z),
    "abs": np.abs,
}


def _erf(z: Any) -> Any:
    from scipy.special import erf

    return erf(z)


@dataclass(frozen=True)
class InitialSymmetry(Answer):
    """Which R of O(d) leave the law of (y_1, …, y_N), y_i = φ(W x_i + b), as it is.

    Attributes:
        group: "O(d)", "signed permutations", "permutations", …; None where only draws are known.
        why: the theorem.
        width, inputs: d and N.
        law: of the weights, in words.
        activation: φ, None without one.
        excess_kurtosis: κ₄(y_j)/Var(y_j)² of each input before φ; 0 for a Gaussian, None where
            unknown.
        after_rotation: its mean over components of R y and over all R, 3/(d + 2) of it; of
            components that are not Gaussian rotation makes nearly Gaussian ones.
        draws_needed: how many draws of W show at four standard errors that O(d) is broken, by the
            fourth moment; infinite where it is not.
        p_value: of a test of O(d) on draws; small: broken.
        p_kept: of a test that the group which is claimed holds; small: the claim is wrong. None
            without a claim.
        draws: of W in both tests.
    """

    group: str | None
    why: str
    width: int
    inputs: int
    law: str
    activation: str | None
    excess_kurtosis: Float[np.ndarray, " inputs"] | None
    after_rotation: Float[np.ndarray, " inputs"] | None
    draws_needed: float | None
    p_value: float
    p_kept: float | None
    draws: int

    @property
    def invariant(self) -> bool | None:
        """Whether the law is invariant under all of O(d); None where only draws are known."""
        return None if self.group is None else self.group == ALL

    def summary(self) -> str:
        """All of it, for people."""
        output = "W x" if self.activation is None else f"{self.activation}(W x)"
        head = f"law of {output} under O({self.width}), weights {self.law}: "
        if self.group is None:
            seen = "broken" if self.p_value < 0.001 else "no sign that it is broken"
            head += f"measured only: {seen}"
        else:
            head += (
                f"invariant under {self.group}"
                if self.group != ALL
                else "invariant under all of O(d)"
            )
        lines = [head, f"  {self.why}"]
        if (
            self.excess_kurtosis is not None
            and np.any(self.excess_kurtosis)
            and self.after_rotation is not None
        ):
            worst = int(np.argmax(np.abs(self.excess_kurtosis)))
            lines.append(
                f"  excess kurtosis of W x {self.excess_kurtosis[worst]:.3g}, after a rotation "
                f"{self.after_rotation[worst]:.2g} on average "
                f"(input {worst})"
            )
        test = f"  test of O(d) on {self.draws} draws: p {_below(self.p_value)}"
        if (
            self.draws_needed is not None
            and math.isfinite(self.draws_needed)
            and self.activation is None
        ):
            test += f"; the fourth moment shows it with about {self.draws_needed:.0f} draws"
        lines.append(test)
        if self.p_kept is not None and self.group not in (None, ALL):
            lines.append(f"  test of what is kept: p {_below(self.p_kept)}")
        if self.contradicted:
            lines.append(
                "  warning: the draws contradict this; the initialiser does something else than it "
                "says"
            )
        return "\n".join(lines)

    @property
    def contradicted(self) -> bool:
        """Whether draws and theorem disagree, at p < 10⁻⁶."""
        return (self.group == ALL and self.p_value < 1e-6) or (
            self.p_kept is not None and self.p_kept < 1e-6
        )

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        listed = {
            key: None if (v := getattr(self, key)) is None else v.tolist()
            for key in ("excess_kurtosis", "after_rotation")
        }
        plain = (
            "group",
            "invariant",
            "why",
            "width",
            "inputs",
            "law",
            "activation",
            "draws_needed",
            "p_value",
            "p_kept",
            "draws",
            "contradicted",
        )
        return {**{key: getattr(self, key) for key in plain}, **listed}


def _below(p: float) -> str:
    return "< 1e-100" if p < 1e-100 else f"= {p:.2g}"


def initial_symmetry(
    initialiser: Any,
    inputs: Any,
    width: int,
    *,
    bias: Any = None,
    activation: str | None = None,
    draws: int = 2000,
    seed: int = 0,
    **settings: Any,
) -> InitialSymmetry:
    r"""Say under which rotations of its outputs a layer's law is invariant before training.

    With independent rows of W the outputs y = W x have independent components of one law. All of
    O(d) keeps such a law only if it is Gaussian; one R that is no signed permutation is enough to
    force that (Darmois–Skitovich, Cramér). The deviation is

    .. math:: κ_4[(R y)_j] = κ_4(w) \sum_i R_{ji}^4 \sum_k x_k^4,

    for uniform weights an excess kurtosis of :math:`-\frac65 \sum x^4 / (\sum x^2)^2`. After a ReLU
    the outputs lie in an orthant, which only permutations keep.

    Args:
        initialiser: a function of ``torch.nn.init``, one that ``jax.nn.initializers`` makes, a name
            ("numpy.uniform", "torch.kaiming_uniform_", "jax.he_normal"), or a sampler
            ``f(generator, (d, n))``, of which only draws are known.
        inputs: N × n, or one input of length n.
        width: d, the number of outputs, at least 2.
        bias: another initialiser, for entries of b; None: no bias.
        activation: φ after the layer, such as "relu" or "tanh"; None: pre-activations.
        draws: of W for the tests.
        seed: of them.
        settings: of an initialiser of torch, or of one by name, such as ``low=-1``.

    Returns:
        The group with the theorem behind it, the size of the deviation, and p-values of tests on
        draws.

    Raises:
        ValueError: an initialiser that is not understood, inputs that are not finite numbers.

    >>> import torch
    >>> x = np.array([1.0, -2.0, 0.5])
    >>> initial_symmetry(torch.nn.init.kaiming_normal_, x, 8).group
    'O(d)'
    >>> print(initial_symmetry(torch.nn.init.kaiming_uniform_, x, 8))
    law of W x under O(8), weights uniform on [-1, 1]: invariant under signed permutations
      independent weights that are not Gaussian: an R that is no signed permutation would force a Gaussian (Darmois–Skitovich)
      excess kurtosis of W x -0.743, after a rotation -0.22 on average (input 0)
      test of O(d) on 2000 draws: p = ...; the fourth moment shows it with about ... draws
      test of what is kept: p = ...
    """  # noqa: E501
    x = _inputs(inputs)
    d, count, seed = (
        whole_number("width", width, at_least=2),
        whole_number("draws", draws, at_least=100),
        random_seed(seed),
    )
    if activation is not None and activation not in ELEMENTWISE:
        raise ValueError(
            f"activation: got {activation!r}; it should be one of {', '.join(ELEMENTWISE)}, or None"
        )
    weights = read_initialiser(initialiser, settings)
    offsets = None if bias is None else read_initialiser(bias, {}, "bias")
    group, why = _group(weights.law, None if offsets is None else offsets.law, x, activation)
    kurtosis = _excess_kurtosis(weights.law, None if offsets is None else offsets.law, x)
    chosen = _most_telling(x)
    rng = np.random.default_rng(seed)
    y = np.einsum("kdn,in->kid", weights.draw(rng, count, d, x.shape[1]), x[chosen])
    if offsets is not None:
        y = y + offsets.draw(rng, count, d, 1)[:, None, :, 0]
    if activation is not None:
        y = ELEMENTWISE[activation](y)
    tests = len(chosen)
    p = min(p_value(scores(y[:, i]), tests) for i in range(tests))
    kept = None
    if group in (SIGNED, PERMUTATIONS):
        kept = min(
            p_value(kept_group_scores(y[:, i], group == SIGNED), tests) for i in range(tests)
        )
    elif group == FIXED:
        # Without its mean direction a vector has no direction that is preferred in the rest.
        kept = (
            min(p_value(scores(_without_mean(y[:, i])), tests) for i in range(tests))
            if d > 2
            else None
        )
    needed = None
    if kurtosis is not None and activation is None:
        needed = min((draws_to_see(float(k), d) for k in kurtosis), default=math.inf)
    after = None if kurtosis is None else kurtosis * 3 / (d + 2)
    return InitialSymmetry(
        group, why, d, len(x), weights.law.name, activation, kurtosis, after, needed, p, kept, count
    )


def _inputs(inputs: Any) -> Float[np.ndarray, "N n"]:
    x = np.asarray(inputs.detach().cpu() if hasattr(inputs, "detach") else inputs, dtype=float)
    x = x[None] if x.ndim == 1 else x
    if x.ndim != 2 or 0 in x.shape or not np.isfinite(x).all():
        raise ValueError(
            f"inputs: got shape {x.shape}; it should be N × n finite numbers, or one input of "
            f"length n"
        )
    return x


def _without_mean(y: Float[np.ndarray, "draws d"]) -> Float[np.ndarray, "draws rest"]:
    """Coordinates orthogonal to (1, …, 1)."""
    d = y.shape[1]
    basis = np.linalg.svd(np.ones((1, d)))[2][1:]
    rest = y @ basis.T
    return np.where(np.abs(rest) > 1e-12 * np.abs(y).max(initial=0.0), rest, 0.0)


def _most_telling(x: Float[np.ndarray, "N n"]) -> np.ndarray:
    """The inputs whose outputs are least Gaussian, a few."""
    squares = (x**2).sum(1)
    share = np.where(squares > 0, (x**4).sum(1) / np.where(squares > 0, squares, 1.0) ** 2, 0.0)
    return np.argsort(-share, kind="stable")[:MOST_INPUTS]


def _excess_kurtosis(
    law: EntryLaw, bias: EntryLaw | None, x: Float[np.ndarray, "N n"]
) -> Float[np.ndarray, " N"] | None:
    if law.kind != "independent" or (bias is not None and bias.kind != "independent"):
        return None
    fourth = law.fourth * (x**4).sum(1) if law.fourth else np.zeros(len(x))
    variance = law.variance * (x**2).sum(1)
    if bias is not None:
        fourth, variance = fourth + bias.fourth, variance + bias.variance
    return np.where(variance > 0, fourth / np.where(variance > 0, variance, 1.0) ** 2, 0.0)


def _group(
    law: EntryLaw, bias: EntryLaw | None, x: Float[np.ndarray, "N n"], activation: str | None
) -> tuple[str | None, str]:
    """The stabiliser of the law of the outputs, and why."""
    laws = [law] if bias is None else [law, bias]
    if any(part.kind == "unknown" for part in laws):
        return None, "of a sampler only draws are known"
    silent = not x.any()
    if law.kind == "Haar":
        if (
            bias is not None
            and not silent
            and not (bias.kind == "independent" and bias.gaussian and bias.mean == 0)
        ):
            return None, "an orthogonal matrix with such a bias: no theorem is used here"
        if activation is None:
            return ALL, "R W has the law of W for every orthogonal R"
        if activation in ("relu", "abs", "sigmoid", "softplus") and not silent:
            return (
                PERMUTATIONS,
                f"outputs of {activation} lie in an orthant, which only permutations keep",
            )
        return (
            None,
            "rows of an orthogonal matrix are dependent; no theorem is used after this activation",
        )
    mean = law.mean * x.sum(1) + (0.0 if bias is None else bias.mean)
    centred = bool(
        np.all(
            np.abs(mean)
            <= 1e-12
            * (np.abs(law.mean) * np.abs(x).sum(1) + (0.0 if bias is None else abs(bias.mean)))
        )
    )
    random = (law.variance > 0 and not silent) or (bias is not None and bias.variance > 0)
    if not random:
        level = mean if activation is None else ELEMENTWISE[activation](mean)
        return (
            (ALL, "the outputs are zero")
            if not np.any(level)
            else (FIXED, "all outputs are the same number")
        )
    gaussian = (law.gaussian or silent) and (bias is None or bias.gaussian)
    # Columns that come in pairs x, -x make a sum of skew weights symmetric.
    symmetric = (law.symmetric or silent or _in_opposite_pairs(x)) and (
        bias is None or bias.symmetric
    )
    if activation is None:
        if gaussian:
            if centred:
                return (
                    ALL,
                    "the outputs are jointly Gaussian with covariance (x_i·x_k) I, which every "
                    "rotation keeps",
                )
            return (
                FIXED,
                "the outputs are Gaussian with covariance (x_i·x_k) I about a mean along (1, …, 1)",
            )
        why = (
            "independent weights that are not Gaussian: an R that is no signed permutation would "
            "force a Gaussian (Darmois–Skitovich)"
        )
        if symmetric and centred:
            return SIGNED, why
        return PERMUTATIONS, why + "; signs change the skewness or the mean"
    if activation in ODD and symmetric and centred:
        return (
            SIGNED,
            f"{activation} of independent outputs with a symmetric law: independent, not Gaussian, "
            f"symmetric",
        )
    if activation in ("relu", "abs", "sigmoid", "softplus"):
        return (
            PERMUTATIONS,
            f"outputs of {activation} lie in an orthant, which only permutations keep",
        )
    return (
        PERMUTATIONS,
        f"{activation} of independent outputs: independent, not Gaussian, not symmetric",
    )


def _in_opposite_pairs(x: Float[np.ndarray, "N n"]) -> bool:
    columns = sorted(map(tuple, x.T.tolist()))
    return columns == sorted(map(tuple, (-x.T + 0.0).tolist()))
