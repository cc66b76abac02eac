"""Which of all weights of one function: those of least gradient, of least norm, or of given
conserved quantities.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from singlearn.flow.balance_arrays import Tree, jax_gradients
from singlearn.flow.balance_chain import (
    Chain,
    ChainMove,
    apply,
    asymmetries,
    law_value,
    least,
    reach,
)
from singlearn.flow.law import Law
from singlearn.results.caution import Caution, Reason, said
from singlearn.results.document import of_each
from singlearn.results.result import Answer

SURELY_NONE = 0.05
"""Gradients whose product with the symmetry is this share of its size do not belong to a network
that has it.
"""
PROBES = 64
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Place(Answer):
    """Hidden coordinates between two layers, before and after.

    Attributes:
        after_layer: the layer that writes them.
        chain: which chain of layers they belong to.
        symmetry: "scales (a, 1/a)" or "GL(k)".
        change: the scale of each node, or the matrix A.
        into, out: squared norms (of gradients or weights) of what writes and of what reads each
            coordinate, the latter times the degree of the activation; after the change.
        residual: largest |in - out - target| as a share of in + out, for GL(k) of the matrices.
        lost: numbers of nodes whose scale would run to infinity, from 0; left as they were.
    """

    after_layer: str
    chain: str
    symmetry: str
    change: Float[np.ndarray, "..."]
    into: Float[np.ndarray, " k"]
    out: Float[np.ndarray, " k"]
    residual: float
    lost: tuple[int, ...]


@dataclass(frozen=True)
class Unchanged(Answer):
    """How far the function moved by rounding.

    Attributes:
        measured: largest difference of an output on the probe inputs; None where no inputs are
            known.
        size: largest output there.
        probes: number of inputs.
        proved: a bound of the difference for all inputs with entries in [-1, 1]; 0 for scales that
            are powers of two; None where none is known (matrices, convolutions, attention).
    """

    measured: float | None
    size: float | None
    probes: int
    proved: float | None

    def summary(self) -> str:
        """All of it, for people."""
        parts = []
        if self.measured is not None:
            parts.append(
                f"differs by at most {self.measured:.1g} on {self.probes} inputs (largest output "
                f"{self.size:.3g})"
            )
        if self.proved is not None:
            parts.append(
                "bit for bit"
                if self.proved == 0
                else f"proved: at most {self.proved:.1g} for inputs in [-1, 1]"
            )
        return "; ".join(parts) or "not measured: give inputs"


@dataclass(frozen=True)
class Balance(Answer):
    """The network moved to another representative of its function, with a certificate.

    Attributes:
        network: with the new weights, of the kind that was given; what was given is unchanged.
        what: "gradients", "weights" or "laws".
        before, after: squared norm of all gradients (of all weights).
        measured: the same for gradients, computed anew at the new weights; None for weights.
        infimum: the least value on the orbit, as far as a certificate says it; None without one.
        gap: after - a proven lower bound; None without a certificate.
        attained: whether there is a point of least norm.
        places: hidden coordinates one by one.
        function: how far the function moved by rounding.
        loss: before and after; None without one.
        without: for each pair of layers without a symmetry, why.
        cautions: what may be wrong.
    """

    network: Any
    what: str
    before: float
    after: float
    measured: float | None
    infimum: float | None
    gap: float | None
    attained: bool
    places: tuple[Place, ...]
    function: Unchanged
    loss: tuple[float, float] | None
    without: tuple[str, ...]
    cautions: tuple[Caution, ...]

    @property
    def value(self) -> float:
        """The squared norm that was reached."""
        return self.after

    @property
    def residual(self) -> float:
        """The largest of all places."""
        return max(place.residual for place in self.places)

    def summary(self) -> str:
        """All of it, for people."""
        of = {
            "gradients": "squared gradient norm",
            "weights": "squared weight norm",
            "laws": "squared weight norm",
        }[self.what]
        lines = [f"balance ({self.what}): {of} {self.before:.6g} -> {self.after:.6g}"]
        if self.what == "laws":
            lines.append(
                f"  certificate: every law within {self.residual:.1g} of in + out of the value "
                f"that was asked for"
            )
        elif not self.attained:
            lines.append(
                f"  the minimum does not exist; infimum "
                f"{'unknown' if self.infimum is None else f'{self.infimum:.6g}'}"
            )
        elif self.gap is not None and self.gap > 1e-9 * self.after:
            lines.append(
                f"  scales are powers of two: in = out within {self.residual:.1g}, {self.gap:.3g} "
                f"above a proven lower bound"
            )
        elif self.gap is not None:
            lines.append(
                f"  certificate: in = out within {self.residual:.1g}, {self.gap:.1g} above a "
                f"proven lower bound"
            )
        else:
            lines.append(
                f"  certificate: in = out within {self.residual:.1g}; convex along geodesics, so "
                f"that this is the minimum"
            )
        for place in self.places:
            sizes = (
                np.linalg.svd(place.change, compute_uv=False)
                if place.change.ndim == 2
                else place.change
            )
            span = f"{sizes.min():.3g} to {sizes.max():.3g}"
            name = (
                f"{place.chain}, after {place.after_layer}"
                if place.chain != "layers"
                else f"after {place.after_layer}"
            )
            lines.append(f"  {name}: {place.symmetry}, {len(place.into)} nodes, scales {span}")
        lines.append(f"  function: {self.function}")
        if self.loss is not None:
            lines.append(f"  loss: {self.loss[0]:.6g} -> {self.loss[1]:.6g}")
        lines += [f"  {sentence}" for sentence in self.without]
        return "\n".join(lines + said(self.cautions))

    def table(self) -> Any:
        """One row for each node: place, scale, in, out (a pandas DataFrame); of GL(k) the scale is
        a singular value of A.

        Returns:
            One row per node.
        """
        import pandas as pd

        rows = []
        for place in self.places:
            sizes = (
                np.linalg.svd(place.change, compute_uv=False)
                if place.change.ndim == 2
                else place.change
            )
            for j, (scale, into, out) in enumerate(zip(sizes, place.into, place.out, strict=True)):
                row = {
                    "chain": place.chain,
                    "after": place.after_layer,
                    "node": j,
                    "symmetry": place.symmetry,
                }
                rows.append(
                    {**row, "scale": scale, "in": into, "out": out, "attained": j not in place.lost}
                )
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """For machines; the network is not in it."""
        return {
            "what": self.what,
            "before": self.before,
            "after": self.after,
            "measured": self.measured,
            "infimum": self.infimum,
            "gap": self.gap,
            "attained": self.attained,
            "residual": self.residual,
            "places": [
                {
                    "chain": p.chain,
                    "after": p.after_layer,
                    "symmetry": p.symmetry,
                    "change": p.change.tolist(),
                    "lost": list(p.lost),
                }
                for p in self.places
            ],
            "function": {
                "measured": self.function.measured,
                "size": self.function.size,
                "proved": self.function.proved,
            },
            "loss": None if self.loss is None else list(self.loss),
            "without": list(self.without),
            "cautions": of_each(self.cautions),
        }


@runtime_checkable
class _Subject(Protocol):
    """A network as balancing needs it."""

    chains: list[Chain]
    without: list[str]
    arrays: Arrays
    rounding: float

    def gradients(self, loss: Any, given: Any) -> tuple[float | None, Arrays]: ...
    def evaluate(self, network: Any, loss: Any) -> tuple[float, Arrays] | None: ...
    def rebuilt(self, arrays: Arrays) -> tuple[Any, Arrays]: ...
    def compared(
        self, network: Any, arrays: Arrays, inputs: Any
    ) -> tuple[float, float, int] | None: ...
    def plain(self) -> bool: ...


def balance(
    network: Any,
    loss: Any = None,
    *,
    what: str | Mapping[Law | str, Any] = "gradients",
    activation: str | Sequence[str] | None = None,
    gradients: Any = None,
    inputs: Any = None,
    powers_of_two: bool = False,
) -> Balance:
    r"""Move a network to another representative of the same function.

    Node j of a ReLU layer may be scaled: weights into it times s, out of it divided by s. Gradients
    change inversely, so that the total gradient norm :math:`\sum_e G_e^2 s_{t}^2 / s_{h}^2` over
    edges from node t to node h is convex in log s. Its minimum is where the gradients into every
    node are as large as those out of it, :math:`|G_{in}|^2 = |G_{out}|^2`; there a step of gradient
    descent leaves every conserved quantity where it is. Between linear layers (and in attention
    heads: keys and queries, values and output) an invertible matrix A takes the place of the
    scales, and the minimum is a geometric mean of matrices.

    Args:
        network: a torch module (a ``Sequential``, a ``MultiheadAttention``, a
            ``TransformerEncoderLayer``), a list of weights W or (W, b) with W out × in, or a
            mapping of layers with "weight" or, in × out, "kernel". NumPy and JAX arrays alike.
        loss: a function of the network that returns one number; its gradients are balanced. For
            torch ``lambda net: mse_loss(net(x), y)``; for JAX a function of the tree of weights.
        what: "gradients" (least gradient norm), "weights" (least norm of weights: all conserved
            quantities zero), or ``{law: value}`` with laws of :func:`~singlearn.flow.laws` or names
            of the layers before the hidden coordinates; laws that are not named keep their values.
        activation: of weights given as arrays: "relu", "leaky_relu", "linear", "relu^2", …; one for
            all places or a list.
        gradients: of weights given as arrays, in their structure, instead of ``loss``.
        inputs: on which it is checked that the function stays; standard normal ones by default.
        powers_of_two: round scales to powers of two, for which the function stays bit for bit and
            the norm is a little above the minimum.

    Returns:
        The new network and a certificate.

    Raises:
        ValueError: a network, an activation or a law that is not understood; gradients of a network
            that does not have the symmetry; values of laws that no point of the orbit has.

    >>> found = balance([np.array([[4.0]]), np.array([[1.0]])], what="weights", activation="relu")
    >>> [w.tolist() for w in found.network], found.before, found.after
    ([[[2.0]], [[2.0]]], 17.0, 8.0)
    >>> print(found.function)
    differs by at most 0 on 64 inputs (largest output 8.47); proved: at most 8e-15 for inputs in [-1, 1]
    """  # noqa: E501
    subject = _subject(network, activation)
    kind = _kind(what)
    if kind == "gradients" and loss is None and gradients is None:
        raise ValueError(
            "loss: it is needed for what='gradients', a function of the network that returns one "
            "number; or give gradients"
        )
    start, grads = (
        subject.gradients(loss, gradients)
        if loss is not None or gradients is not None
        else (None, None)
    )
    cautions: list[Caution] = []
    if kind == "gradients":
        assert grads is not None
        cautions += _checked_symmetry(subject, grads)
    known = grads if kind == "gradients" and grads is not None else subject.arrays
    targets = {} if isinstance(what, str) else _targets(subject, what)
    moved = [
        least(chain, known, "gradients" if kind == "gradients" else "weights")
        if kind != "laws"
        else reach(chain, known, {place: q for (c, place), q in targets.items() if c == number})
        for number, chain in enumerate(subject.chains)
    ]
    lower = (
        None
        if kind == "laws" or any(m.gap is None for m in moved)
        else sum(m.value - (m.gap or 0.0) for m in moved)
    )
    least_values = sum(m.value for m in moved)
    if powers_of_two:
        _round_to_powers(subject, moved)
    arrays = {name: array.copy() for name, array in subject.arrays.items()}
    carried = {name: array.copy() for name, array in known.items()}
    for chain, change in zip(subject.chains, moved, strict=True):
        apply(chain, change, arrays, "weights")
        apply(chain, change, carried, "gradients" if kind == "gradients" else "weights")
    made, rounded = subject.rebuilt(arrays)
    cautions += _checked_range(arrays, rounded)
    before, after = (
        float(sum(np.square(a).sum() for a in which.values())) for which in (known, carried)
    )
    again = subject.evaluate(made, loss) if loss is not None else None
    measured = None
    if again is not None and kind == "gradients":
        measured = float(sum(np.square(a).sum() for a in again[1].values()))
        if abs(measured - after) > 1e4 * subject.rounding * max(after, measured) + 1e-300:
            cautions.append(
                Caution(
                    Reason.ROUNDING,
                    f"the gradients at the new weights have squared norm {measured:.6g}, predicted "
                    f"was {after:.6g}",
                )
            )
    values = None if again is None or start is None else (start, again[0])
    if values is not None and abs(values[1] - values[0]) > 1e5 * subject.rounding * (
        abs(values[0]) + 1e-300
    ):
        cautions.append(
            Caution(
                Reason.ROUNDING,
                f"the loss went from {values[0]:.10g} to {values[1]:.10g}; the function moved",
            )
        )
    places = tuple(_places(subject, carried, moved, targets, powers_of_two))
    attained = all(m.attained for m in moved)
    if not attained:
        cautions.append(_no_minimum(places, kind))
    # What no change of hidden coordinates moves: gradients of other parameters.
    others = before - sum(_norm(chain, known) for chain in subject.chains)
    if not powers_of_two:
        others = after - least_values
    gap = (
        None
        if lower is None or not attained
        else max(after - others - lower, 0.0)
        if powers_of_two
        else sum(m.gap or 0.0 for m in moved)
    )
    infima = [m.infimum for m in moved]
    infimum = (
        None
        if kind == "laws" or any(i is None for i in infima)
        else float(sum(i or 0.0 for i in infima) + others)
    )
    function = _unchanged(subject, made, rounded, moved, inputs, powers_of_two)
    if (
        function.measured is not None
        and function.size
        and function.measured > 1e6 * subject.rounding * function.size
    ):
        cautions.append(
            Caution(
                Reason.ROUNDING,
                f"outputs moved by {function.measured:.2g} of {function.size:.2g}: the new weights "
                f"are badly scaled",
            )
        )
    return Balance(
        made,
        kind,
        before,
        after,
        measured,
        infimum,
        gap,
        attained,
        places,
        function,
        values,
        tuple(subject.without),
        tuple(cautions),
    )


def _norm(chain: Chain, arrays: Mapping[str, np.ndarray]) -> float:
    parts = [np.square(layer.matrix(arrays)).sum() for layer in chain.layers]
    offsets = [layer.offset(arrays) for layer in chain.layers]
    return float(sum(parts) + sum(np.square(b).sum() for b in offsets if b is not None))


def _kind(what: Any) -> str:
    if isinstance(what, Mapping):
        if not what:
            raise ValueError("what: got {}; it should name at least one law")
        return "laws"
    if what in ("gradients", "weights"):
        return str(what)
    raise ValueError(f"what: got {what!r}; it should be 'gradients', 'weights' or {{law: value}}")


def _subject(network: Any, activation: Any) -> _Subject:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(network, torch.nn.Module):
        if activation is not None:
            raise ValueError("activation: it is read from a torch module; leave it out")
        from singlearn.flow.balance_module import ModuleSubject

        return ModuleSubject(network)
    return TreeSubject(network, activation)


class TreeSubject:
    """Weights given as arrays.

    Args:
        network: a list or a mapping of layers.
        activation: between them.
    """

    def __init__(self, network: Any, activation: Any) -> None:
        self.tree = Tree(network, activation)
        self.chains = [self.tree.chain]
        self.without = [
            f"after {self.tree.chain.position(p)}: {c.why}"
            for p, c in enumerate(self.tree.chain.between)
            if not c.free
        ]
        self.arrays = self.tree.arrays
        kinds = [np.asarray(a).dtype for a in self.tree.kinds.values()]
        self.rounding = max((_rounding(k) for k in kinds), default=2.0**-53)
        self._jax = any(
            type(a).__module__.split(".")[0] in ("jax", "jaxlib") for a in self.tree.kinds.values()
        )

    def gradients(self, loss: Any, given: Any) -> tuple[float | None, Arrays]:
        """By JAX, or those that were given."""
        if given is not None:
            return None, self.tree.flat(given, "gradients")
        if not self._jax:
            raise ValueError(
                "loss: it is differentiated for torch modules and JAX arrays; for NumPy arrays "
                "give gradients instead"
            )
        return jax_gradients(loss, self.tree)

    def evaluate(self, network: Any, loss: Any) -> tuple[float, Arrays] | None:
        """Loss and gradients at other weights."""
        return jax_gradients(loss, Tree(network, self.tree.names)) if self._jax else None

    def rebuilt(self, arrays: Arrays) -> tuple[Any, Arrays]:
        """The network, and its weights as they were rounded."""
        made = self.tree.like_given(arrays)
        return made, Tree(made, self.tree.names).arrays

    def compared(
        self, network: Any, arrays: Arrays, inputs: Any
    ) -> tuple[float, float, int] | None:
        """Largest difference, largest output, number of inputs."""
        width = self.tree.layers[0].matrix(self.arrays).shape[1]
        x = (
            np.random.default_rng(1).normal(size=(PROBES, width))
            if inputs is None
            else np.asarray(inputs, dtype=float)
        )
        if x.ndim != 2 or x.shape[1] != width:
            raise ValueError(f"inputs: got shape {x.shape}; it should be n × {width}")
        old, new = self.tree.outputs(self.arrays, x), self.tree.outputs(arrays, x)
        if old is None or new is None:
            return None
        return (
            float(np.abs(new - old).max(initial=0.0)),
            float(np.abs(old).max(initial=0.0)),
            len(x),
        )

    def plain(self) -> bool:
        """Whether it is a chain of matrices and activations and nothing else."""
        return True


def _rounding(kind: Any) -> float:
    """Half the distance of 1 to the next number of a type."""
    return {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24}.get(
        str(kind).removeprefix("torch."), 2.0**-53
    )


def _checked_symmetry(subject: _Subject, grads: Arrays) -> list[Caution]:
    found = []
    for chain in subject.chains:
        for place, off in asymmetries(chain, subject.arrays, grads).items():
            said = (
                f"after {chain.position(place)} <w, g> into and out of a node differ by {off:.1g} "
                f"of |w| |g|"
            )
            if off > SURELY_NONE:
                raise ValueError(
                    f"gradients: {said}; of a network with this symmetry they are equal, so that "
                    f"either it lacks the symmetry "
                    "(a loss with weight decay does) or the gradients are only rounding"
                )
            if off > subject.rounding**0.5:
                close = "close to a minimum of the loss gradients are differences of large numbers"
                found.append(
                    Caution(
                        Reason.ROUNDING,
                        f"{said}, which is more than rounding of single weights; {close}",
                    )
                )
    return found


def _checked_range(wanted: Arrays, rounded: Arrays) -> list[Caution]:
    for name, array in rounded.items():
        if not np.isfinite(array).all():
            raise ValueError(
                f"network: {name} would leave the range of its number type; use a wider one"
            )
    vanished = [name for name, a in rounded.items() if np.any((a == 0) & (wanted[name] != 0))]
    if vanished:
        return [
            Caution(
                Reason.ROUNDING,
                f"entries of {', '.join(vanished)} became 0 in their number type; use a wider one",
            )
        ]
    return []


def _no_minimum(places: Sequence[Place], kind: str) -> Caution:
    lost = [(place, place.lost) for place in places if place.lost]
    if not lost:
        return Caution(
            Reason.NO_MINIMUM,
            "between linear layers the least norm is reached only by matrices that have no inverse "
            "(the layers together have lower rank "
            "than one of them); a matrix close to them was taken",
        )
    named = "; ".join(f"after {place.after_layer} {_numbers(nodes)}" for place, nodes in lost)
    side = "gradients" if kind == "gradients" else "weights"
    return Caution(
        Reason.NO_MINIMUM,
        f"the minimum does not exist: a node with {side} on one side only (such as one whose "
        f"outgoing weights are 0) can be scaled for "
        f"ever, {named}; such nodes were left as they were",
    )


def _numbers(nodes: Sequence[int]) -> str:
    shown = ", ".join(map(str, nodes[:8])) + (", …" if len(nodes) > 8 else "")
    return f"node {shown}" if len(nodes) == 1 else f"nodes {shown}"


def _targets(subject: _Subject, what: Mapping[Law | str, Any]) -> dict[tuple[int, int], np.ndarray]:
    """Values by chain and place."""
    places = {
        (c, p): chain
        for c, chain in enumerate(subject.chains)
        for p, coupling in enumerate(chain.between)
        if coupling.free
    }
    found: dict[tuple[int, int], np.ndarray] = {}
    for law, value in what.items():
        matches = [key for key, chain in places.items() if _is_of(law, chain, key[1])]
        if len(matches) != 1:
            names = ", ".join(chain.position(p) for (_, p), chain in places.items())
            raise ValueError(
                f"what: {law if isinstance(law, str) else getattr(law, 'formula', law)} names "
                f"{len(matches) or 'no'} places of this "
                f"network; it should be one of its laws, or the layer before a place: {names}"
            )
        (key,) = matches
        shape = law_value(places[key], subject.arrays, key[1]).shape
        target = np.asarray(value, dtype=float)
        if target.ndim == 0:
            target = target * np.eye(shape[0]) if len(shape) == 2 else np.full(shape, float(target))
        if target.shape != shape or not np.isfinite(target).all():
            raise ValueError(
                f"what: the value of {law} has shape {target.shape}; it should be finite and of "
                f"shape {shape}"
            )
        if len(shape) == 2 and not np.allclose(
            target, target.T, rtol=1e-12, atol=1e-12 * np.abs(target).max()
        ):
            raise ValueError(f"what: the value of {law} should be a symmetric matrix")
        found[key] = target
    return found


def _is_of(law: Law | str, chain: Chain, place: int) -> bool:
    first, second = chain.layers[place], chain.layers[place + 1]
    if isinstance(law, str):
        return law in (first.name, first.weight, f"after {first.name}")
    terms = getattr(law, "terms", ())
    names = [term.parameter for term in terms]
    return bool(names) and names[0] == first.weight and names[-1] == second.weight


def _places(
    subject: _Subject,
    carried: Arrays,
    moved: Sequence[ChainMove],
    targets: Mapping[tuple[int, int], np.ndarray],
    rounded: bool,
) -> list[Place]:
    found = []
    for chain, change in zip(subject.chains, moved, strict=True):
        for place, coupling in enumerate(chain.between):
            made = change.changes[place]
            if made is None:
                continue
            matrix, offset = (
                chain.layers[place].matrix(carried),
                chain.layers[place].offset(carried),
            )
            into = np.square(matrix).sum((1, 2)) + (0.0 if offset is None else np.square(offset))
            out = np.square(chain.layers[place + 1].matrix(carried)).sum((0, 2)) * (
                coupling.degree or 1.0
            )
            lost = change.lost[place]
            nodes = () if lost is None else tuple(int(j) for j in np.flatnonzero(lost))
            residual = change.residual[place]
            if rounded and not coupling.linear:
                residual = float(
                    np.max(np.abs(into - out) / np.where(into + out > 0, into + out, 1.0))
                )
            symmetry = f"GL({len(made)})" if coupling.linear else _scaling(coupling.degree or 1.0)
            found.append(
                Place(chain.position(place), chain.name, symmetry, made, into, out, residual, nodes)
            )
    return found


def _scaling(degree: float) -> str:
    return "scales (a, 1/a)" if degree == 1 else f"scales (a, a^-{degree:g})"


def _round_to_powers(subject: _Subject, moved: Sequence[ChainMove]) -> None:
    for chain, change in zip(subject.chains, moved, strict=True):
        for place, coupling in enumerate(chain.between):
            scales = change.changes[place]
            if scales is None:
                continue
            if (
                coupling.linear
                or coupling.degree is None
                or coupling.degree != int(coupling.degree)
            ):
                raise ValueError(
                    f"powers_of_two: after {chain.position(place)} stands no scale with a whole "
                    f"power; it should be False for this network"
                )
            power = np.round(np.log2(scales))
            change.changes[place], change.inverses[place] = (
                2.0**power,
                2.0 ** (-power * int(coupling.degree)),
            )


def _unchanged(
    subject: _Subject,
    made: Any,
    rounded: Arrays,
    moved: Sequence[ChainMove],
    inputs: Any,
    exactly: bool,
) -> Unchanged:
    compared = subject.compared(made, rounded, inputs)
    measured, size, probes = (None, None, 0) if compared is None else compared
    proved = None
    chain = subject.chains[0]
    scales_only = all(not c.linear and c.bounded and c.degree in (None, 1.0) for c in chain.between)
    if exactly:
        proved = 0.0
    elif subject.plain() and scales_only and len(subject.chains) == 1:
        proved = proved_bound(chain, subject.arrays, subject.rounding)
    return Unchanged(measured, size, probes, proved)


def proved_bound(chain: Chain, arrays: Mapping[str, np.ndarray], rounding: float) -> float:
    r"""Bound how far rounding of scaled weights moves the outputs of a chain, for inputs in [-1,
    1].

    Every new weight is within the share δ of an exact rescaling. Activations have slopes of at most
    1 and :math:`|φ(z)| \le |z|`, so that along each path the product of weights moves by at most
    :math:`(1 + δ)^L - 1`, and :math:`|f' - f| \le ((1 + δ)^L - 1)\, (|W_L| (\dots (|W_1| 1 +
    |b_1|)) + |b_L|)`.

    Args:
        chain: of matrices and such activations.
        arrays: the weights before.
        rounding: of their number type, half the distance of 1 to the next number.

    Returns:
        The bound, in units of the output.
    """
    share = rounding + 8 * 2.0**-53
    h = np.ones(chain.layers[0].matrix(arrays).shape[1])
    for layer in chain.layers:
        offset = layer.offset(arrays)
        h = np.abs(layer.matrix(arrays)[..., 0]) @ h + (0.0 if offset is None else np.abs(offset))
    return float(np.expm1(len(chain.layers) * np.log1p(share)) * h.max())
