"""One settled transformer laid over another: basis of the stream, order of heads and of units, and
what then differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.rotary import frequency_groups
from singlearn.symmetry.transformer.shapes import local_name
from singlearn.symmetry.transformer.stream import OUTGOING, WRITERS, readers, written_through

MOST_UNITS = 20000
"""Hidden units of one MLP that are paired."""

LOOKED_UP = ("embedding", "position")

FULL = 1e-9
"""Singular values above this share of the largest one determine a basis."""


class NotPairedError(Exception):
    """The two have another structure; the message says where."""


@dataclass
class Alignment:
    """How the second transformer lies over the first.

    Attributes:
        differences: largest absolute difference of each kind of invariant.
        rows: for what is looked up, the tokens' and the positions' vectors: the largest absolute
            difference in each row. A norm brings a short vector to the length of the others, so
            each counts for itself.
        sizes: the largest entry of each of these rows, of the first transformer.
        basis: A, so that the stream of the second is A times that of the first; ``None`` where it
            is the same.
        scale: of the stream of the second, in that of the first.
        head_orders: for every block, which head of the second stands for each head of the first.
        unit_orders: the same for hidden units that were left after settling.
    """

    differences: dict[str, float] = field(default_factory=dict)
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    sizes: dict[str, np.ndarray] = field(default_factory=dict)
    basis: np.ndarray | None = None
    scale: float = 1.0
    head_orders: list[np.ndarray] = field(default_factory=list)
    unit_orders: list[np.ndarray] = field(default_factory=list)


def align(a: Transformer, b: Transformer) -> Alignment:
    """Pair the parts of two settled transformers and compare what no choice of basis, order or
    scale changes.

    Raises:
        NotPairedError: their settings or the numbers of their parts differ.
    """
    _require_alike(a, b)
    found = Alignment()
    if a.reads_tokens and "unembedding" in a.weights and not a.post_norm:
        b = _in_basis_of(a, b, found)
    for block in range(a.blocks):
        for k in (1, 2):
            _compare_epsilons(a, b, f"blocks.{block}.norm{k}", found)
    if a.final_norm:
        _compare_epsilons(a, b, "final_norm", found)
    for name in sorted(set(a.weights) | set(b.weights)):
        local = local_name(name)[0]
        if local in WRITERS or "norm" in local or local in ("unembedding", "unembedding_bias"):
            default: np.ndarray | float = 1.0 if local.endswith("gain") else 0.0
            gap = np.abs(np.subtract(a.weights.get(name, default), b.weights.get(name, default)))
            found.differences[name.replace("blocks.", "block ")] = float(np.max(gap, initial=0.0))
            if local in LOOKED_UP:
                found.rows[name] = np.max(gap, axis=1, initial=0.0)
                found.sizes[name] = np.max(np.abs(a.weights[name]), axis=1, initial=0.0)
    for block in range(a.blocks):
        _heads(a, b, block, found)
        _units(a, b, block, found)
    return found


def _require_alike(a: Transformer, b: Transformer) -> None:
    for name in (
        "norm",
        "activation",
        "post_norm",
        "final_norm",
        "causal",
        "blocks",
        "width",
        "reads_tokens",
    ):
        if getattr(a, name) != getattr(b, name):
            raise NotPairedError(
                f"{name.replace('_', ' ')}: {getattr(a, name)} in one, {getattr(b, name)} in the "
                f"other"
            )
    for name in ("embedding", "unembedding", "position"):
        shapes = [model.weights[name].shape if name in model.weights else None for model in (a, b)]
        if shapes[0] != shapes[1]:
            raise NotPairedError(f"{name}: shape {shapes[0]} in one, {shapes[1]} in the other")
    for block in range(a.blocks):
        for what in ("heads", "window", "is_rotary", "is_gated"):
            if getattr(a, what)(block) != getattr(b, what)(block):
                raise NotPairedError(
                    f"block {block}: {what.replace('_', ' ')} {getattr(a, what)(block)} and "
                    f"{getattr(b, what)(block)}"
                )
        name = f"blocks.{block}.attention.frequency"
        if a.is_rotary(block) and not np.array_equal(a.weights[name], b.weights[name]):
            raise NotPairedError(f"block {block}: its rotary speeds differ")
        units = [len(model.weights[f"blocks.{block}.mlp.in"]) for model in (a, b)]
        if units[0] != units[1]:
            raise NotPairedError(
                f"block {block}: {units[0]} and {units[1]} hidden units are left without dead and "
                f"duplicate ones"
            )


def _compare_epsilons(a: Transformer, b: Transformer, place: str, found: Alignment) -> None:
    if a.norm != "none":
        found.differences[f"ε of {place.replace('blocks.', 'block ')}"] = abs(
            a.epsilon_at(place) - b.epsilon_at(place)
        )


def _in_basis_of(a: Transformer, b: Transformer, found: Alignment) -> Transformer:
    """b, written in the basis and the scale of a's stream."""
    rms = a.norm == "rms"
    written = [_written(model) for model in (a, b)]
    if written[0].shape != written[1].shape:
        # An output bias is there in one and not in the other; vectors that both have determine the
        # basis.
        written = [_written(model, biases=False) for model in (a, b)]
    if rms and a.final_norm:
        sizes = [float(np.linalg.norm(part)) for part in written]
        if min(sizes) > 0 and abs(sizes[0] / sizes[1] - 1) > 1e-4:
            found.scale = sizes[1] / sizes[0]
            b = _rescaled(b, 1 / found.scale)
            written[1] = written[1] / found.scale
    seen = [
        np.vstack([part, model.weights["unembedding"]]) if rms else part
        for part, model in zip(written, (a, b), strict=True)
    ]
    if np.allclose(seen[0], seen[1], rtol=0, atol=1e-3 * np.sqrt(np.mean(seen[0] ** 2))) and rms:
        # Close to one basis already: no rotation unless what is seen asks for one, beyond the noise
        # of finding it.
        gap = np.linalg.norm(seen[0] - seen[1])
        turn = _turn(*seen)
        if not np.linalg.norm(seen[1] @ turn - seen[0]) < 0.5 * gap:
            return b
    elif not rms and np.allclose(seen[0], seen[1], rtol=1e-12, atol=0):
        return b
    for _ in range(a.blocks + 2):
        if _rank(seen[0]) >= a.width - (1 if rms else 0):
            break
        seen = [
            np.vstack([part, part @ _covariant(model).T])
            for part, model in zip(seen, (a, b), strict=True)
        ]
    if rms:
        turn = _turn(*seen)
        found.basis = turn
        back, reads = turn.T, turn
    else:
        basis = np.linalg.lstsq(seen[0], seen[1], rcond=None)[0].T
        if not np.linalg.cond(basis) < 1e10:
            raise NotPairedError("the basis of the stream: the tokens do not determine it")
        found.basis = basis
        back, reads = np.linalg.inv(basis), basis
    changes = written_through(b, back) | {name: b.weights[name] @ reads for name, _ in readers(b)}
    return b.with_weights(changes)


def _turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The orthogonal R with b ≈ a R^T (Procrustes)."""
    left, _, right = np.linalg.svd(b.T @ a)
    found: np.ndarray = left @ right
    return found


def _written(model: Transformer, biases: bool = True) -> np.ndarray:
    names = [
        name
        for name in model.weights
        if local_name(name)[0] in WRITERS and (biases or not name.endswith("bias"))
    ]
    return np.vstack([np.atleast_2d(model.weights[name]) for name in sorted(names)])


def _covariant(model: Transformer) -> np.ndarray:
    """Maps of the stream to itself that go along with its basis and do not depend on the order of
    heads.
    """
    total = np.zeros((model.width, model.width))
    for block in range(model.blocks):
        at = f"blocks.{block}.attention"
        heads, key_heads = model.heads(block)
        value = np.repeat(model.weights[f"{at}.value"], heads // max(1, key_heads), axis=0)
        total += np.einsum("hdv,hve->de", model.weights[f"{at}.output"], value)
    return total / max(float(np.linalg.norm(total, 2)), 1e-300)


def _rank(matrix: np.ndarray) -> int:
    values = np.linalg.eigvalsh(matrix.T @ matrix)
    return int(np.sum(values > FULL * max(values[-1], 1e-300)))


def _rescaled(model: Transformer, factor: float) -> Transformer:
    epsilons = {place: value * factor**2 for place, value in model.epsilons.items()}
    changes = {
        name: array * factor
        for name, array in model.weights.items()
        if local_name(name)[0] in WRITERS + OUTGOING
    }
    return replace(
        model,
        weights={**model.weights, **changes},
        epsilon=model.epsilon * factor**2,
        epsilons=epsilons,
    )


def _heads(a: Transformer, b: Transformer, block: int, found: Alignment) -> None:
    heads, key_heads = a.heads(block)
    if not heads:
        found.head_orders.append(np.arange(0))
        return
    parts = [_Heads(model, block) for model in (a, b)]
    cost = np.zeros((heads, heads))
    for first, second in zip(parts[0].forms(), parts[1].forms(), strict=True):
        cost += _distances(first, second)
    size = heads // key_heads
    between = np.empty((key_heads, key_heads))
    inside = {}
    for i in range(key_heads):
        for j in range(key_heads):
            part = cost[i * size : (i + 1) * size, j * size : (j + 1) * size]
            rows, columns = linear_sum_assignment(part)
            between[i, j], inside[i, j] = part[rows, columns].sum(), columns
    _, order = linear_sum_assignment(between)
    heads_order = np.concatenate([order[i] * size + inside[i, order[i]] for i in range(key_heads)])
    found.head_orders.append(heads_order)
    for what in ("queries against keys", "values against outputs"):
        found.differences[f"block {block}: {what}"] = 0.0
    for head in range(heads):
        for what, gap in parts[0].gaps(parts[1], head, int(heads_order[head])):
            name = f"block {block}: {what}"
            found.differences[name] = max(found.differences[name], gap)


class _Heads:
    """The heads of one block as products of thin factors, in which the basis inside a head has no
    say.
    """

    def __init__(self, model: Transformer, block: int) -> None:
        at = f"blocks.{block}.attention"
        heads, key_heads = model.heads(block)
        spread = heads // key_heads

        def with_bias(name: str) -> np.ndarray:
            matrix = model.weights[f"{at}.{name}"]
            bias = model.weights.get(f"{at}.{name}_bias", np.zeros(matrix.shape[:2]))
            return np.concatenate([matrix, bias[..., None]], axis=-1)

        self.query, self.key = with_bias("query"), np.repeat(with_bias("key"), spread, axis=0)
        self.value = np.repeat(model.weights[f"{at}.value"], spread, axis=0)
        self.output = model.weights[f"{at}.output"].transpose(0, 2, 1)
        self.speeds = model.weights.get(f"{at}.frequency")

    def forms(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs (L, R) of factors per head, of which :math:`L^H R` is meant."""
        if self.speeds is None:
            return [(self.query, self.key), (self.output, self.value)]
        query, key = self._turned(self.query), self._turned(self.key)
        return [
            *((query[:, rows], key[:, rows]) for rows in frequency_groups(self.speeds)),
            (self.output, self.value),
        ]

    def gaps(self, other: _Heads, head: int, its: int) -> list[tuple[str, float]]:
        mine, yours = self.forms(), other.forms()
        found = []
        for k, ((left, right), (left_b, right_b)) in enumerate(zip(mine, yours, strict=True)):
            what = "values against outputs" if k == len(mine) - 1 else "queries against keys"
            found.append((what, _product_gap(left[head], right[head], left_b[its], right_b[its])))
        return found

    @staticmethod
    def _turned(part: np.ndarray) -> np.ndarray:
        half = part.shape[1] // 2
        return part[:, :half] + 1j * part[:, half:]


def _product_gap(
    left: np.ndarray, right: np.ndarray, left_b: np.ndarray, right_b: np.ndarray
) -> float:
    """Largest entry of :math:`L^H R - L_b^H R_b`; rank-one products are compared by their factors,
    brought to one size.
    """
    if len(left) != 1 or len(left_b) != 1:
        return float(np.max(np.abs(left.conj().T @ right - left_b.conj().T @ right_b), initial=0.0))
    sizes = [
        [float(np.linalg.norm(part)) for part in pair]
        for pair in ((left, right), (left_b, right_b))
    ]
    roots = [np.sqrt(one * two) for one, two in sizes]
    if min(roots) == 0:
        found: float = max(roots) ** 2
        return found
    one, one_b = left / sizes[0][0], left_b / sizes[1][0]
    two, two_b = right * (roots[0] ** 2 / sizes[0][1]), right_b * (roots[1] ** 2 / sizes[1][1])
    inner = complex(np.vdot(one_b, one))
    phase = inner / abs(inner) if abs(inner) > 0 else 1.0
    first = np.max(np.abs(one - one_b * phase)) * roots[0] ** 2
    return float(max(first, np.max(np.abs(two - two_b * phase))))


def _distances(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Squared distances of all products :math:`L^H R` of one list from all of another, relative to
    their sizes.
    """
    (left, right), (left_b, right_b) = first, second

    def inner(l1: np.ndarray, r1: np.ndarray, l2: np.ndarray, r2: np.ndarray) -> np.ndarray:
        lefts = np.einsum("ipd,jqd->ijpq", l1, l2.conj(), optimize=True)
        rights = np.einsum("jqd,ipd->ijpq", r2, r1.conj(), optimize=True)
        return np.real(np.einsum("ijpq,ijpq->ij", lefts, rights))

    mine, yours = (np.diag(inner(*pair, *pair)) for pair in (first, second))
    total = max(float(np.mean(mine) + np.mean(yours)), 1e-300)
    found: np.ndarray = (mine[:, None] + yours - 2 * inner(left, right, left_b, right_b)) / total
    return found


def _units(a: Transformer, b: Transformer, block: int, found: Alignment) -> None:
    mine, yours = _Units(a, block), _Units(b, block)
    if len(mine.passing) > MOST_UNITS:
        raise NotPairedError(
            f"block {block}: {len(mine.passing)} hidden units are too many to pair"
        )
    order = _pairs(mine.features(), yours.features())
    found.unit_orders.append(order)
    for what, gap in mine.gaps(yours, order):
        found.differences[f"block {block}: {what}"] = gap


class _Units:
    """Hidden units with their scales fixed: what comes in has norm 1 where a factor may be moved
    out.
    """

    def __init__(self, model: Transformer, block: int) -> None:
        at = f"blocks.{block}.mlp"

        def rows(name: str) -> np.ndarray:
            matrix = model.weights[f"{at}.{name}"]
            bias = model.weights.get(f"{at}.{name}_bias", np.zeros(len(matrix)))
            return np.hstack([matrix, bias[:, None]])

        self.gated = model.is_gated(block)
        self.passing, self.out = rows("gate" if self.gated else "in"), model.weights[f"{at}.out"].T
        if model.activation == "relu":
            self.passing, self.out = _moved_out(self.passing, self.out)
        self.up = None
        if self.gated:
            self.up, self.out = _moved_out(rows("in"), self.out)

    def features(self) -> np.ndarray:
        """What tells units apart, without signs that are free."""
        if self.up is None:
            return np.hstack([_sized(self.passing), _sized(self.out)])
        return np.hstack([_sized(self.passing), _sized(np.abs(self.up)), _sized(np.abs(self.out))])

    def gaps(self, other: _Units, order: np.ndarray) -> list[tuple[str, float]]:
        passing, out, up = (
            other.passing[order],
            other.out[order],
            None if other.up is None else other.up[order],
        )
        found = [("incoming weights of hidden units", self.passing - passing)]
        if up is not None and self.up is not None:
            sign = np.where(np.sum(self.up * up, axis=1) < 0, -1.0, 1.0)[:, None]
            up, out = up * sign, out * sign
            found.append(("up branch of hidden units", self.up - up))
        found.append(("outgoing weights of hidden units", self.out - out))
        return [(what, float(np.max(np.abs(gap), initial=0.0))) for what, gap in found]


def _moved_out(rows: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    sizes[sizes == 0] = 1.0
    return rows / sizes, out * sizes


def _sized(part: np.ndarray) -> np.ndarray:
    return part / max(float(np.sqrt(np.sum(part**2) / max(1, len(part)))), 1e-300)


def _pairs(mine: np.ndarray, yours: np.ndarray) -> np.ndarray:
    """For each row of one the row of the other that stands for it, each once."""
    if not len(mine):
        return np.arange(0)
    squares = np.sum(yours**2, axis=1)
    nearest = np.concatenate(
        [
            np.argmin(squares - 2 * mine[start : start + 1024] @ yours.T, axis=1)
            for start in range(0, len(mine), 1024)
        ]
    )
    if len(np.unique(nearest)) == len(mine):
        return nearest
    if len(mine) > 4096:
        raise NotPairedError(
            f"of {len(mine)} hidden units, {len(mine) - len(np.unique(nearest))} have no partner "
            f"of their own"
        )
    cost = np.sum(mine**2, axis=1)[:, None] + squares - 2 * mine @ yours.T
    found: np.ndarray = linear_sum_assignment(cost)[1]
    return found
