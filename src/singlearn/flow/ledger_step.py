r"""One step of an optimiser, and the entries that it makes in a ledger.

A parameter moves by

.. math:: w^+ = c\,w - A g - Γ w - \sum_k B_k v_k - U

with c what decoupled decay leaves, g the gradient as the optimiser got it, Γ a decay that was added
to the gradient, v_k memories before the step, and U what cannot be split further (an update that is
divided entry by entry). Each coefficient is a number for each parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from singlearn.flow.ledger_forms import Arrays, Form, Products, Vector, ones

ENTRIES = ("discretisation", "decay", "momentum", "preconditioner", "violation", "rest")


@dataclass(frozen=True)
class ParameterMotion:
    """How one parameter moves in one step; see the head of this file.

    Attributes:
        keep: c.
        fresh: A.
        coupled: Γ.
        memories: B, by the label of the memory among the step's vectors.
        whole: whether the step's vector "update" stands for everything but c: A, Γ and B are then
            not used for it.
        rate: of the gradient, for the violation of an update that is whole.
    """

    keep: float = 1.0
    fresh: float = 0.0
    coupled: float = 0.0
    memories: Mapping[str, float] = field(default_factory=dict)
    whole: bool = False
    rate: float = 0.0


@dataclass(frozen=True)
class LedgerStep:
    """What happened in one step.

    Attributes:
        vectors: by label: "w" before and "later" after the step, "g" the gradient that the
            optimiser got, memories, "update" for what is whole, and "raw", the gradient of the
            loss, where it was seen before somebody changed it.
        motions: by parameter.
        scale: of "raw" in "g" where the gradient was scaled as a whole; 1 where "raw" is not there.
    """

    vectors: Mapping[str, Arrays]
    motions: Mapping[str, ParameterMotion]
    scale: float = 1.0


def split(form: Form, step: LedgerStep) -> tuple[dict[str, Any], Products]:
    """All entries of one step under one law, and the products that they were made of.

    Args:
        form: of the law.
        step: what happened.

    Returns:
        By name of entry; they add up to the change of the law.
    """
    products = Products(form, step.vectors)
    entries = _quadratic(products, step) if form.degree == 2 else _linear(products, step)
    change = form.value(products, "later") - form.value(products, "w")
    entries["rest"] = change - sum(list(entries.values())[1:], start=next(iter(entries.values())))
    return {name: entries[name] for name in ENTRIES}, products


@dataclass(frozen=True)
class _Parts:
    kept: Vector
    unit: Vector
    gradient: Vector
    decay: Vector
    memories: list[Vector]
    whole: Vector
    nominal: Vector

    @property
    def update(self) -> list[Vector]:
        return [self.gradient, self.decay, *self.memories, self.whole]


def _parts(products: Products, step: LedgerStep) -> _Parts:
    names = products.form.parameters
    motions = {name: step.motions[name] for name in names}
    exact = {name: motion for name, motion in motions.items() if not motion.whole}
    labels = dict.fromkeys(label for motion in exact.values() for label in motion.memories)
    memories = [
        Vector(label, {name: motion.memories.get(label, 0.0) for name, motion in exact.items()})
        for label in labels
    ]
    # Where the parameters of a law have rates of their own, the symmetry says something of one rate
    # only.
    one = motions[names[0]]
    nominal = (one.rate if one.whole else one.fresh) * step.scale
    return _Parts(
        kept=Vector("w", {name: motion.keep for name, motion in motions.items()}),
        unit=Vector("w", ones(products.form)),
        gradient=Vector("g", {name: motion.fresh for name, motion in exact.items()}),
        decay=Vector("w", {name: motion.coupled for name, motion in exact.items()}),
        memories=memories,
        whole=Vector("update", {name: 1.0 for name, motion in motions.items() if motion.whole}),
        nominal=Vector(
            "raw" if "raw" in step.vectors else "g", dict.fromkeys(names, nominal * one.keep)
        ),
    )


def _quadratic(products: Products, step: LedgerStep) -> dict[str, Any]:
    r""":math:`Q^+ - Q` with :math:`\langle c w, c w \rangle - 2 \langle c w, s \rangle + \langle s,
    s \rangle`.
    """
    parts = _parts(products, step)
    kept, pair = [parts.kept], products.pair
    moved = any(motion.keep != 1.0 for motion in step.motions.values())
    decay = -2.0 * pair(kept, [parts.decay])
    if moved:
        decay = decay + pair(kept, kept) - pair([parts.unit], [parts.unit])
    violation = -2.0 * pair([parts.unit], [parts.nominal])
    return {
        "discretisation": pair(parts.update, parts.update),
        "decay": decay,
        "momentum": -2.0 * pair(kept, parts.memories),
        "preconditioner": -2.0 * pair(kept, [parts.gradient, parts.whole]) - violation,
        "violation": violation,
    }


def _linear(products: Products, step: LedgerStep) -> dict[str, Any]:
    parts = _parts(products, step)
    single = products.single
    decay = -1.0 * single([parts.decay])
    if any(motion.keep != 1.0 for motion in step.motions.values()):
        decay = decay + single([parts.kept]) - single([parts.unit])
    violation = -1.0 * single([parts.nominal])
    return {
        "discretisation": 0.0 * decay,
        "decay": decay,
        "momentum": -1.0 * single(parts.memories),
        "preconditioner": -1.0 * single([parts.gradient, parts.whole]) - violation,
        "violation": violation,
    }
