"""Proof trees in words, with their formulas marked (:mod:`singlearn.exact.marked_text`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from singlearn.exact.marked_text import formula
from singlearn.exact.resolve.bound import Bound, Key
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.fan import Vector
from singlearn.exact.resolve.moves import (
    Apart,
    BlowUp,
    Change,
    Combine,
    Contract,
    Divide,
    Etale,
    Keep,
    Move,
    Part,
    Solve,
    Toric,
)
from singlearn.exact.resolve.newton import Newton
from singlearn.exact.resolve.proof import Face, ProofNode

LONGEST = 60
"""Characters of a polynomial in a line."""

EXCLUSIONS = {
    "monomial": "one face polynomial is a monomial",
    "signs": "the terms on the face have one sign",
    "univariate": "the face polynomials have no common real root (Sturm)",
    "groebner": "the face polynomials have no common zero off the coordinate planes (Hilbert)",
    "squares": "the face polynomial is a sum of squares without a common zero there",
    "factors": "every factor of the face polynomial has one sign",
}


def open_reasons(nodes: list[ProofNode]) -> list[str]:
    """Why charts or faces were left open, each reason once."""
    found: dict[str, None] = {}
    for node in nodes:
        for inner in walk(node):
            if inner.kind == "open":
                found[inner.reason] = None
            if any(face.method == "open" for face in inner.faces):
                found[
                    "the zeros of a face were found, but no coordinates in which they are simple"
                ] = None
    return list(found)


def walk(node: ProofNode) -> Iterator[ProofNode]:
    """The node and all below it."""
    yield node
    for face in node.faces:
        for child in face.children:
            yield from walk(child.node)
    for child in node.children:
        yield from walk(child.node)


def function(chart: Chart) -> str:
    """K of the chart, its density beside it."""
    monomial = "·".join(
        _power(name, chart.power * k)
        for name, k in zip(chart.local, chart.exponents, strict=True)
        if k
    )
    inner = " + ".join(
        f"({_short(str(g))})^{chart.power}" if chart.power > 1 else _short(str(g))
        for g in chart.generators
    )
    density = "·".join(
        _power(f"|{name}|", h) for name, h in zip(chart.local, chart.weights, strict=True) if h
    )
    whole = f"{monomial}·[{inner}]" if monomial and inner != "(1)^2" else monomial or inner
    return formula(whole) + (f", density {formula(density)}" if density else "")


def _power(name: str, power: int) -> str:
    return name if power == 1 else f"{name}^{power}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def bound_words(bound: Bound) -> str:
    """λ and m, or between what they are."""
    if bound.proved:
        return _key(bound.low)
    return f"at least {_key(bound.low, False)}, at most {_key(bound.high, False)}"


def _key(key: Key, multiplicity: bool = True) -> str:
    if key[0] == inf:
        return formula("λ = ∞")
    return formula(f"λ = {key[0]}") + (f", {formula(f'm = {-key[1]}')}" if multiplicity else "")


def move_words(move: Move) -> str:
    """What a move does."""
    match move:
        case Combine():
            return f"generator {move.target + 1} reduced by generator {move.source + 1}"
        case Divide():
            return f"generator {move.target + 1} divided by a unit"
        case Solve() | Change():
            slope = "" if str(move.slope) == "1" else f"({_short(str(move.slope))})·"
            rest = "" if move.rest == 0 else f" + {_short(str(move.rest))}"
            whole = f"{move.name} = {slope}{move.variable}{rest}".replace("+ -", "- ")
            return formula(whole)
        case Etale():
            return formula(f"{move.name} = {_short(str(move.polynomial))}")
        case Toric():
            return f"blow-up with weights {weights(move.rays)}"
        case Part():
            return f"the part in {listed(move.names)}"
        case BlowUp():
            centre = formula(f"{' = '.join(move.centre)} = 0")
            return f"blow-up of {centre}, in the chart of {formula(move.centre[move.pivot])}"
        case Contract():
            shown = ", ".join(formula(f"{name}: {weight}") for name, weight in move.weights)
            return (
                f"homogeneous for the weights {shown}: the free ones of these are 0 where the "
                f"function is worst"
            )
        case Keep():
            count = len(move.generators)
            return f"a smaller function, {count} of the generators"
        case Apart():
            return f"where {formula(_short(str(move.polynomial)))} is not {formula('0')}"


def weights(rays: Sequence[Vector]) -> str:
    """Rays of a fan, marked as formulas."""
    return ", ".join(formula(str(ray).replace(" ", "").replace(",)", ")")) for ray in rays)


def listed(names: Sequence[str]) -> str:
    """Variables, marked as formulas."""
    return ", ".join(map(formula, names))


def explanation(nodes: list[ProofNode], bound: Bound, reason: str, place: str = "") -> str:
    """The whole argument; ``place`` is a first line that says what the coordinates are."""
    lines: list[str] = [place] if place else []
    for node in nodes:
        _explain(node, "", lines)
    if len(nodes) > 1:
        lines.append("The smallest λ over these charts counts, and among equal ones the largest m.")
    if reason:
        lines.append(f"Only bounds, because {reason}: {bound_words(bound)}.")
    else:
        lines.append(
            f"Result: {bound_words(bound)}."
            if bound.low[0] != inf
            else f"Result: {formula('K')} has no real zero there, so {formula('λ = ∞')}."
        )
    return "\n".join(lines)


def _explain(node: ProofNode, indent: str, lines: list[str]) -> None:
    chart = node.chart
    units = [f"{name} ≠ 0" if name not in chart.free else name for name in chart.units]
    where = f" (for every {listed(units)})" if units else ""
    origin = formula(f"{', '.join(chart.local)} = 0") if chart.local else "every point"
    lines.append(f"{indent}{formula('K ~ ')}{function(chart)} near {origin}{where}.")
    lines += [f"{indent}  {move_words(move)}." for move in node.moves]
    if node.moves:
        lines.append(f"{indent}  Then {formula('K ~ ')}{function(node.simplified)}.")
    if node.kind == "open":
        lines.append(f"{indent}  Left open: {node.reason}; {bound_words(node.bound)}.")
        return
    if node.kind == "sum":
        lines.append(f"{indent}  A sum in separate variables: λ adds, and m - 1.")
    elif node.kind == "fewer":
        lines.append(
            f"{indent}  A smaller function has a λ that is not larger; the polyhedron bounds it "
            f"from above."
        )
    elif node.kind == "blow_up":
        lines.append(
            f"{indent}  A coordinate subspace is blown up, one chart for every coordinate that is "
            f"0 on it."
        )
    elif node.newton is not None and node.newton.monomial_key()[0] != inf:
        lines.append(f"{indent}  {polyhedron(node.newton)}")
    _faces(node, indent, lines)
    for child in node.children:
        lines.append(f"{indent}  {_capital(move_words(child.move))}:")
        _explain(child.node, indent + "    ", lines)
    if node.faces or node.children:
        lines.append(f"{indent}  So {bound_words(node.bound)}.")


def polyhedron(newton: Newton) -> str:
    """The rays that give the smallest λ, and that λ."""
    plain = newton.monomial_key()
    best = [ray for ray in newton.fan.rays if newton.ratio[ray] == plain[0]]
    # A weight of one entry is written without the comma of Python's tuples.
    shown = ", ".join(formula(f"({', '.join(map(str, ray))})") for ray in best)
    return f"Newton polyhedron in {listed(newton.chart.local)}: weight {shown} gives {_key(plain)}."


def _faces(node: ProofNode, indent: str, lines: list[str]) -> None:
    methods = {face.method for face in node.faces} & set(EXCLUSIONS)
    if methods:
        count = sum(face.method in EXCLUSIONS for face in node.faces)
        reasons = "; ".join(EXCLUSIONS[m] for m in sorted(methods))
        lines.append(
            f"{indent}  {count} of {len(node.faces)} compact faces have no real zero off the "
            f"coordinate planes: {reasons}."
        )
    for face in node.faces:
        if face.method in EXCLUSIONS:
            continue
        lines.append(f"{indent}  {_face(face)}")
        for child in face.children:
            lines.append(f"{indent}    {_capital(move_words(child.move))}:")
            _explain(child.node, indent + "      ", lines)


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _face(face: Face) -> str:
    rays = weights(face.rays)
    if face.method == "crossing":
        return f"Face with weights {rays}: its zeros cross the divisors normally."
    if face.method == "steep":
        return (
            f"Face with weights {rays}: {face.rank} independent differentials at its zeros, no "
            f"pole from there that matters."
        )
    if face.method == "contact":
        return (
            f"Face with weights {rays}: its zeros have order at most {face.rank}, which is not "
            f"more than the divisors allow."
        )
    if face.method == "open":
        return f"Face with weights {rays}: zeros that could not be straightened; left open."
    return f"Face with weights {rays} has real zeros; look there:"
