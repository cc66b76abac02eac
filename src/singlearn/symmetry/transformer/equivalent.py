"""Do two transformers compute the same function?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from singlearn.results.caution import Caution, Reason
from singlearn.results.result import Answer
from singlearn.running.arguments import real_number
from singlearn.symmetry.deep.equivalence import Sameness
from singlearn.symmetry.transformer.align import Alignment, NotPairedError, align
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.precision import FORMATS, kept_as, rerounded
from singlearn.symmetry.transformer.refusal import random_inputs
from singlearn.symmetry.transformer.settled import settled

ROUNDINGS = {"float64": 50.0, "float32": 10.0, "float16": 3.0, "bfloat16": 3.0}
"""A difference of weights up to this many times what one rounding of them makes counts as rounding.
Moves are computed in double precision and add up; what is kept in half precision was rounded to it
once, and a little training moves it further.
"""

FAR = 1000.0
"""Outputs that differ by more than this many times what one rounding of the weights makes are worth
a proof.
"""

LENGTHS = (1, 2, 8)
SUSPECTS = 16
BITS = (128, 256, 512)


@dataclass(frozen=True)
class TransformerWitness(Answer):
    """An input on which two transformers differ, proven in ball arithmetic.

    Attributes:
        input: tokens in a row, or vectors.
        output: the logit, or the entry of the output, at the last place.
        first, second: what the two give there, to the digits of float64.
        least: a proven lower bound on the difference.
    """

    input: np.ndarray
    output: int
    first: float
    second: float
    least: float

    def __str__(self) -> str:
        given = (
            f"the tokens ({', '.join(map(str, self.input))})"
            if self.input.ndim == 1
            else f"{len(self.input)} vectors"
        )
        # As many digits as tell the two apart.
        pairs = (
            (f"{self.first:.{digits}g}", f"{self.second:.{digits}g}") for digits in range(6, 18)
        )
        one, other = next(
            (pair for pair in pairs if pair[0] != pair[1]), (repr(self.first), repr(self.second))
        )
        return f"on {given}, output {self.output} at the last place is {one} and {other}"


@dataclass(frozen=True, eq=False)
class TransformerEquivalence(Answer):
    """The answer of :func:`equivalent`; true exactly if it is "equivalent".

    Attributes:
        status: the answer.
        reason: in words.
        alignment: how the second lies over the first, where their parts could be paired.
        roundings: the largest difference of any invariant of the weights, in units of what one
            rounding of them makes; ``None`` where they were not paired.
        measured: the largest difference of outputs that was seen on random inputs.
        rounding: what rounding the weights once more changes of those outputs.
        witness: an input on which they differ.
    """

    status: Sameness
    reason: str
    alignment: Alignment | None
    roundings: float | None
    measured: float
    rounding: float
    witness: TransformerWitness | None = None

    def __bool__(self) -> bool:
        return self.status is Sameness.EQUIVALENT

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """That nothing was shown, where nothing was."""
        return (Caution(Reason.UNDECIDED, str(self)),) if self.status is Sameness.NOT_SHOWN else ()

    def __str__(self) -> str:
        head = {
            Sameness.EQUIVALENT: "the same function"
            if self.roundings == 0
            else "the same function up to rounding",
            Sameness.DIFFERENT: "different functions",
            Sameness.NOT_SHOWN: "not shown to be the same function, nor to be different ones",
        }[self.status]
        lines = [f"{head}: {self.reason}"]
        if self.status is Sameness.EQUIVALENT and self.alignment is not None:
            lines += _moves(self.alignment)
        seen = f"  largest difference of outputs on random inputs {self.measured:.2g}"
        lines.append(f"{seen}; rounding the weights once more makes {self.rounding:.2g}")
        return "\n".join(lines)


def equivalent(
    a: Transformer, b: Transformer, *, relative_error: float | None = None
) -> TransformerEquivalence:
    """Whether two transformers are the same function: up to basis, order, scale and everything else
    that ``settled`` removes.

    Both are settled, laid over one another, and what no choice of basis, order or scale changes is
    compared. They are the same if nothing differs by more than the rounding of their weights
    explains (``ROUNDINGS``), nor do outputs on random inputs. They are different only with a
    witness: an input on which the outputs, evaluated in ball arithmetic, differ by a proven amount,
    and by 1000 times what rounding the weights would do. Everything else is not shown: symmetries
    that are not looked for here, such as units of opposite orientation, or models too large for
    ball arithmetic.

    Args:
        a, b: transformers that take and give the same kinds of things.
        relative_error: of the weights, that is allowed; a few roundings in the finer of the formats
            in which the two are kept, if not given.

    Returns:
        The verdict, with the alignment or a witness.

    Raises:
        ValueError: other vocabularies or widths of the outputs, or tokens in one and vectors in the
            other.

    >>> weights = {
    ...     "embedding": np.array([[1.0, 2.0], [0.5, -1.0]]),
    ...     "unembedding": np.array([[1.0, 0.0], [3.0, 1.0]]),
    ... }
    >>> a = Transformer(weights, "rms")
    >>> turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    >>> b = Transformer({name: array @ turn for name, array in weights.items()}, "rms")
    >>> bool(equivalent(a, b))
    True
    """
    _require_comparable(a, b)
    if relative_error is not None:
        meaning = "a relative error of the weights, between 0 and 1"
        relative_error = real_number(
            "relative_error", relative_error, above=0, below=1, meaning=meaning
        )
    # Numbers of a coarse format are exact beside those of a finer one.
    kept = min((kept_as(model) for model in (a, b)), key=FORMATS.__getitem__)
    unit = FORMATS[kept] if relative_error is None else relative_error
    most = ROUNDINGS[kept] if relative_error is None else 1.0
    again = [rerounded(model, unit, 0) for model in (a, b)]
    inputs = [_shared_inputs(a, b, length) for length in (*LENGTHS, *_beyond_windows(a, b))]

    alignment, roundings = None, None
    try:
        found = [settled(model, unit) for model in (a, b)]
        alignment = align(*found)
        noise = [align(one, settled(other, unit)) for one, other in zip(found, again, strict=True)]
        roundings, worst = _in_roundings(alignment, noise, found, unit)
        if "embedding" in alignment.rows:
            # Random inputs miss most of a large vocabulary; the tokens that differ most are looked
            # at by themselves.
            ratios = _rows_in_roundings(alignment, noise, "embedding", unit)
            inputs.append(np.argsort(ratios, kind="stable")[-SUSPECTS:][:, None])
    except NotPairedError as error:
        why = f"their parts cannot be paired ({error})"

    outputs = [[model(x) for x in inputs] for model in (a, b, *again)]
    measured, *rounded = (
        max(
            float(np.max(np.abs(one - other)))
            for one, other in zip(outputs[i], outputs[j], strict=True)
        )
        for i, j in ((0, 1), (0, 2), (1, 3))
    )
    rounding = max(rounded)
    floor = max(
        rounding, 4 * np.finfo(float).eps * max(float(np.max(np.abs(outputs[0][-1]))), 1e-300)
    )
    if roundings is not None:
        one = (
            f"one rounding ({kept}) makes"
            if relative_error is None
            else f"an error of {relative_error:g} makes"
        )
        why = f"{worst} differs " + (
            f"by {roundings:.3g} times what {one}"
            if np.isfinite(roundings)
            else "and no rounding of the weights explains it"
        )
        if roundings <= most and measured <= max(most, 3.0) * floor:
            why = f"in one form, no weight differs by more than {roundings:.2g} times what {one}"
            if roundings == 0:
                why = "in one form, all weights are equal"
            return TransformerEquivalence(
                Sameness.EQUIVALENT, why, alignment, roundings, measured, rounding
            )
    if measured > FAR * floor:
        witness, trouble = _witness(a, b, inputs, FAR * floor)
        if witness is not None:
            reason = f"{witness} (proven in ball arithmetic)"
            return TransformerEquivalence(
                Sameness.DIFFERENT, reason, alignment, roundings, measured, rounding, witness
            )
        why += f"; {trouble}"
    return TransformerEquivalence(Sameness.NOT_SHOWN, why, alignment, roundings, measured, rounding)


def _require_comparable(a: Transformer, b: Transformer) -> None:
    for name, model in (("a", a), ("b", b)):
        if not isinstance(model, Transformer):
            raise ValueError(f"{name}: got {type(model).__name__}; it should be a Transformer")
    if a.reads_tokens != b.reads_tokens:
        raise ValueError("b: one of the transformers takes tokens, the other vectors")
    for what, sizes in (
        ("inputs", _sizes(a, b, "embedding")),
        ("outputs", _sizes(a, b, "unembedding")),
    ):
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"b: it has {sizes[1]} {what}, a has {sizes[0]}; functions of different kinds are "
                f"not compared"
            )


def _sizes(a: Transformer, b: Transformer, name: str) -> list[int]:
    return [len(model.weights[name]) if name in model.weights else model.width for model in (a, b)]


def _shared_inputs(a: Transformer, b: Transformer, length: int) -> np.ndarray:
    both = [len(model.weights["position"]) for model in (a, b) if "position" in model.weights]
    found = random_inputs(a, 8, min([length, *both]), seed=length)
    return found if a.reads_tokens else np.round(found, 2)


def _beyond_windows(a: Transformer, b: Transformer) -> list[int]:
    windows = [
        window
        for model in (a, b)
        for block in range(model.blocks)
        if (window := model.window(block)) is not None
    ]
    return sorted({window + 2 for window in windows if window < 200})


def _in_roundings(
    alignment: Alignment, noise: list[Alignment], models: list[Transformer], unit: float
) -> tuple[float, str]:
    """The largest difference in units of rounding, and whose it is."""
    worst, where = 0.0, "nothing"
    for name in alignment.rows:
        ratios = _rows_in_roundings(alignment, noise, name, unit)
        if ratios.size and np.max(ratios) > worst:
            worst, where = float(np.max(ratios)), f"{name} {int(np.argmax(ratios))}"
    for name, gap in alignment.differences.items():
        allowed = sum(part.differences.get(name, 0.0) for part in noise)
        if name.startswith("ε of "):
            place = name.removeprefix("ε of ").replace("block ", "blocks.")
            allowed = unit * max(model.epsilon_at(place) for model in models)
        if gap > 0:
            ratio = gap / allowed if allowed > 0 else np.inf
            if ratio > worst:
                worst, where = ratio, name
    return worst, where


def _rows_in_roundings(
    alignment: Alignment, noise: list[Alignment], name: str, unit: float
) -> np.ndarray:
    """The difference of each row in units of rounding; a row that the noise happened to leave alone
    counts by its size.
    """
    allowed = sum((part.rows[name] for part in noise), unit * alignment.sizes[name])
    gaps = alignment.rows[name]
    found: np.ndarray = np.divide(
        gaps, allowed, out=np.where(gaps > 0, np.inf, 0.0), where=allowed > 0
    )
    return found


def _witness(
    a: Transformer, b: Transformer, inputs: list[np.ndarray], least: float
) -> tuple[TransformerWitness | None, str]:
    from singlearn.symmetry.transformer.ball import MOST_WORK, proven_outputs, work

    for rows in inputs:
        gaps = np.abs(a(rows) - b(rows))[:, -1]
        best, output = np.unravel_index(int(np.argmax(gaps)), gaps.shape)
        if gaps[best, output] <= least:
            continue
        row = rows[best]
        if max(work(model, len(row)) for model in (a, b)) > MOST_WORK:
            return (
                None,
                f"outputs differ by {gaps[best, output]:.3g} on one input, but the models are too "
                f"large for a proof of it",
            )
        for bits in BITS:
            balls = [proven_outputs(model, row, int(output), bits) for model in (a, b)]
            proven = float(np.nextafter(float((balls[0] - balls[1]).abs_lower()), 0.0))
            if proven > least:
                first, second = (float(ball.mid()) for ball in balls)
                return TransformerWitness(row, int(output), first, second, proven), ""
    return None, "a difference of outputs was seen, but not proven"


def _moves(alignment: Alignment) -> list[str]:
    lines = []
    if alignment.basis is not None:
        lines.append("  the stream is in another basis")
    if abs(alignment.scale - 1) > 1e-12:
        lines.append(f"  the stream has {alignment.scale:.6g} times the scale")
    for block, order in enumerate(alignment.head_orders):
        if np.any(order != np.arange(len(order))):
            lines.append(f"  block {block}: heads in the order {', '.join(map(str, order))}")
    for block, order in enumerate(alignment.unit_orders):
        moved = int(np.sum(order != np.arange(len(order))))
        if moved:
            lines.append(f"  block {block}: {moved} of {len(order)} hidden units elsewhere")
    return lines
