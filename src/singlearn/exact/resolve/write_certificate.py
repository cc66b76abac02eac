"""The tree that the search leaves behind, written as a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from singlearn.exact.certificate import Certificate
from singlearn.exact.read.ring import Poly, terms_of
from singlearn.exact.resolve.bound import Bound, Key
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
from singlearn.exact.resolve.proof import Child, Face, ProofNode
from singlearn.exact.resolve.torus import EXCLUDED
from singlearn.exact.resolve.witness import ZeroWitness


def certificate(
    statement: dict[str, Any], places: list[dict[str, Any]], nodes: list[ProofNode], bound: Bound
) -> Certificate:
    """Of proof trees, one for each place."""
    proofs = tuple(
        {"place": place, "node": _node(node)} for place, node in zip(places, nodes, strict=True)
    )
    return Certificate({**statement, "bound": _bound(bound)}, proofs)


def function_terms(scales: Sequence[Any], generators: Sequence[Poly]) -> list[list[Any]]:
    """Coefficients and generators as data."""
    return [[str(c), _poly(g)] for c, g in zip(scales, generators, strict=True)]


def _poly(poly: Poly) -> list[list[Any]]:
    return [[str(c), list(e)] for e, c in sorted(terms_of(poly).items(), reverse=True)]


def _bound(bound: Bound) -> dict[str, Any]:
    return {"low": _key(bound.low), "high": _key(bound.high)}


def _key(key: Key) -> list[Any]:
    return [str(key[0]), key[1]]


def _node(node: ProofNode) -> dict[str, Any]:
    data: dict[str, Any] = {
        "kind": node.kind,
        "moves": [_move(m) for m in node.moves],
        "bound": _bound(node.bound),
    }
    if node.kind == "newton" or node.generator < 0:
        data["faces"] = [_face(face) for face in node.faces]
        if any(face.crossings for face in node.faces):
            data["factors"] = [[_poly(p), s] for p, s in node.factors]
    if node.kind == "cover":
        data["generator"] = node.generator
    if node.kind in ("cover", "sum", "split", "blow_up", "fewer"):
        data["children"] = [_child(child) for child in node.children]
    return data


def _child(child: Child) -> dict[str, Any]:
    return {"move": _move(child.move), "node": _node(child.node)}


def _face(face: Face) -> dict[str, Any]:
    method = "excluded" if face.method in EXCLUDED else face.method
    data: dict[str, Any] = {"rays": [list(ray) for ray in face.rays], "method": method}
    if face.method in ("steep", "contact"):
        data["rank"] = face.rank
    if face.method == "crossing":
        data["crossings"] = [
            {"factors": list(c.factors), "witness": _witness(c.witness)} for c in face.crossings
        ]
    if face.method == "squares":
        data["terms"] = function_terms(*zip(*face.squares, strict=True))
    if face.method == "charts":
        data["children"] = [_child(child) for child in face.children]
    return data


def _witness(witness: ZeroWitness | None) -> list[list[str]] | None:
    return None if witness is None else [[str(x) for x in point] for point in witness]


def _move(move: Move) -> dict[str, Any]:
    match move:
        case Combine():
            return {
                "move": "combine",
                "target": move.target,
                "factor": _poly(move.factor),
                "source": move.source,
            }
        case Divide():
            return {"move": "divide", "target": move.target, "factor": _poly(move.factor)}
        case Solve() | Change():
            fields = {
                "variable": move.variable,
                "slope": _poly(move.slope),
                "rest": _poly(move.rest),
                "name": move.name,
            }
            return {"move": "solve" if isinstance(move, Solve) else "change", **fields}
        case Etale():
            polynomial, witness = _poly(move.polynomial), _witness(move.witness)
            return {
                "move": "etale",
                "variable": move.variable,
                "polynomial": polynomial,
                "name": move.name,
                "witness": witness,
            }
        case Toric():
            rays, complement = [list(r) for r in move.rays], [list(r) for r in move.complement]
            names = {"local": list(move.local_names), "units": list(move.unit_names)}
            return {"move": "toric", "rays": rays, "complement": complement, **names}
        case Part():
            return {"move": "part", "generators": list(move.generators), "names": list(move.names)}
        case BlowUp():
            return {
                "move": "subspace",
                "centre": list(move.centre),
                "pivot": move.pivot,
                "names": list(move.names),
            }
        case Contract():
            return {"move": "contract", "weights": dict(move.weights)}
        case Keep():
            return {"move": "keep", "generators": list(move.generators)}
        case Apart():
            return {"move": "apart", "polynomial": _poly(move.polynomial)}
