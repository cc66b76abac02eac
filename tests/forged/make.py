"""Writes the forged certificates: ``python -m tests.forged.make``.

Each tells a lie that one guard of the checker refutes. The bounds that follow from the lie are
filled in by the checker without that guard.
"""

from __future__ import annotations

import json
import time
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from typing import Any

from singlearn.exact import Expression, rlct, verify
from singlearn.exact.certificate import FORMAT
from singlearn.exact.verify import polynomial as p
from singlearn.exact.verify.polyhedron import Polyhedron
from singlearn.exact.verify.verify import _Element, _function
from singlearn.exact.verify.zeros import no_zeros

from .guards import Guard, checker, find

FOLDER = Path(__file__).parent / "certificates"
GUARDS = find()
made: list[str] = []


def guard(fragment: str) -> Guard:
    """The one whose label contains the fragment."""
    found = [g for g in GUARDS if fragment in g.label]
    exact = [g for g in found if g.label.endswith(fragment)]
    (one,) = exact if len(exact) == 1 else found
    return one


def poly(names: str, text: str) -> list[Any]:
    """A polynomial as a certificate writes it."""
    variables = names.split()
    values = {
        name: _Element(p.coordinate(len(variables), i), len(variables))
        for i, name in enumerate(variables)
    }
    terms = (
        Expression(text)
        .evaluate(values, lambda q: _Element(p.constant(len(variables), q), len(variables)))
        .terms
    )
    return [[str(c), list(e)] for e, c in sorted(terms.items(), reverse=True)]


def node(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "moves": [], "bound": {"low": ["0", 0], "high": ["0", 0]}, **more}


def newton(*faces: Any, **more: Any) -> dict[str, Any]:
    return node("newton", faces=list(faces), **more)


def face(rays: Any, method: str, **more: Any) -> dict[str, Any]:
    return {"rays": rays, "method": method, **more}


def cover(generator: int, *children: Any, **more: Any) -> dict[str, Any]:
    return node("cover", generator=generator, children=list(children), **more)


def child(move: Any, below: Any) -> dict[str, Any]:
    return {"move": move, "node": below}


def crossing(factors: list[int], witness: Any) -> dict[str, Any]:
    return {"factors": factors, "witness": witness}


def combine(names: str, target: Any, factor: str, source: Any) -> dict[str, Any]:
    return {"move": "combine", "target": target, "factor": poly(names, factor), "source": source}


def divide(names: str, target: int, factor: str) -> dict[str, Any]:
    return {"move": "divide", "target": target, "factor": poly(names, factor)}


def solve(names: str, variable: str, slope: str, rest: str, name: Any = "u1") -> dict[str, Any]:
    return {
        "move": "solve",
        "variable": variable,
        "slope": poly(names, slope),
        "rest": poly(names, rest),
        "name": name,
    }


def etale(
    names: str, variable: str, polynomial: str, witness: Any = None, name: str = "u1"
) -> dict[str, Any]:
    return {
        "move": "etale",
        "variable": variable,
        "polynomial": poly(names, polynomial),
        "name": name,
        "witness": witness,
    }


def toric(rays: Any, complement: Any, number: int = 1) -> dict[str, Any]:
    local, units = (
        [f"s{number}{i}" for i, _ in enumerate(rays)],
        [f"t{number}{i}" for i, _ in enumerate(complement)],
    )
    return {"move": "toric", "rays": rays, "complement": complement, "local": local, "units": units}


def change(names: str, variable: str, slope: str, rest: str, name: str = "u1") -> dict[str, Any]:
    return {**solve(names, variable, slope, rest, name), "move": "change"}


def subspace(centre: str, pivot: int, names: str = "s1 s2") -> dict[str, Any]:
    return {"move": "subspace", "centre": centre.split(), "pivot": pivot, "names": names.split()}


def apart(names: str, polynomial: str) -> dict[str, Any]:
    return {"move": "apart", "polynomial": poly(names, polynomial)}


def blow_up(*children: Any, **more: Any) -> dict[str, Any]:
    return node("blow_up", children=list(children), **more)


def part(generators: list[int], *names: str) -> dict[str, Any]:
    return {"move": "part", "generators": generators, "names": list(names)}


def statement(K: Any, names: str, proofs: list[Any], **more: Any) -> dict[str, Any]:
    """A list of generators of a sum of squares; or one text, whose power is 1, unless terms say how
    it is a sum of squares.
    """
    listed = isinstance(K, list)
    data = {
        "K": K if listed else [K],
        "squares": listed,
        "variables": names.split(),
        "terms": [["1", poly(names, g)] for g in (K if listed else [K])],
        "power": 2 if listed else 1,
        "prior": None,
        "scope": "point",
        "nonnegative": False,
        "bound": {"low": ["0", 0], "high": ["0", 0]},
        **more,
    }
    return {"format": FORMAT, "statement": data, "proofs": proofs}


def at(below: Any, names: str, **point: str) -> list[Any]:
    return [
        {"place": {"point": {name: point.get(name, "0") for name in names.split()}}, "node": below}
    ]


def honest(K: Any, **arguments: Any) -> dict[str, Any]:
    return json.loads(json.dumps(rlct(K, **arguments).certificate.to_dict()))


def with_stratum(data: dict[str, Any], zero: str, below: Any) -> dict[str, Any]:
    """The honest certificate for all points with another proof where just these coordinates are
    0.
    """
    (proof,) = [q for q in data["proofs"] if q["place"] == {"zero": zero.split()}]
    proof["node"] = below
    return data


def at_origin(K: list[str], names: str, below: Any, **more: Any) -> dict[str, Any]:
    return statement(K, names, at(below, names), **more)


def faces_of(
    K: list[str], names: str, lie: Any = None, below: Any = None, **more: Any
) -> list[dict[str, Any]]:
    """Of the polyhedron where all coordinates are 0, excluded where they can be, else crossings by
    Sturm's theorem, but for one lie.
    """
    chart = _function(at_origin(K, names, None, **more)["statement"]).at(
        [Fraction(0)] * len(names.split())
    )
    polyhedron = Polyhedron(chart)
    faces = []
    for cone in polyhedron.cones:
        rays = [list(ray) for ray in sorted(cone)]
        if rays == lie:
            faces.append(face(rays, **below))
        elif no_zeros(polyhedron.system(tuple(map(sum, zip(*rays, strict=True)))), ()):
            faces.append(face(rays, "excluded"))
        else:
            faces.append(face(rays, "crossing", crossings=[crossing([0], [])]))
    assert lie is None or any(one["rays"] == lie for one in faces), [one["rays"] for one in faces]
    return faces


def read_off(
    K: list[str], names: str, lie: Any, below: dict[str, Any], factors: Any = None, **more: Any
) -> dict[str, Any]:
    """At the origin, from the polyhedron alone."""
    named = [[poly(names, f), s] for f, s in factors or [(g, 1) for g in K]]
    return at_origin(
        K, names, newton(*faces_of(K, names, lie, below, **more), factors=named), **more
    )


def filled(data: dict[str, Any], without: Guard) -> dict[str, Any]:
    """With the bounds that the checker finds when the guard is missing."""
    data = deepcopy(data)
    with checker(without) as verification:
        tree = verification.poles.__globals__
        kinds = tree["KINDS"]

        def recorded(kind: Any) -> Any:
            def found(chart: Any, below: Any) -> Any:
                result = kinds[kind](chart, below)
                below["bound"] = result.claim()
                return result

            return found

        tree["KINDS"] = {kind: recorded(kind) for kind in kinds}
        scope, sign = verification._scope, verification._nonnegative

        def scoped(*arguments: Any) -> Any:
            result = scope(*arguments)
            data["statement"]["bound"] = result.claim()
            return result

        def signed(*arguments: Any) -> Any:
            result = sign(*arguments)
            data["statement"]["nonnegative"] = result
            return result

        verification._scope, verification._nonnegative = scoped, signed
        verdict = verification.verify(data)
        if not verdict:
            raise AssertionError(f"{without.label}: still refuted: {verdict.reason}")
    return data


def forge(
    name: str,
    fragment: str,
    lie: str,
    data: dict[str, Any],
    change: Any = None,
    also: tuple[str, ...] = (),
) -> None:
    """Write one, after it was seen that nothing but this guard refutes it.

    Args:
        name: of the file.
        fragment: of the guard's label.
        lie: what it claims, and what is true.
        data: without bounds.
        change: what is done to it after the bounds were filled in.
        also: other guards that it needs.
    """
    without = guard(fragment)
    needed = [without, *map(guard, also)]
    data = filled(data, without)
    if change is not None:
        change(data)
    begin = time.process_time()
    verdicts = []
    for one in needed:
        with checker(one) as verification:
            verdicts.append(verification.verify(data))
    shipped = verify(data)
    seconds = time.process_time() - begin
    low, high = (" ".join(map(str, data["statement"]["bound"][side])) for side in ("low", "high"))
    print(f"{name}: [{low}, {high}] {seconds:.2f} s; {shipped.reason}")
    if shipped or not all(verdicts):
        raise AssertionError(
            f"{name}: {[verdict.reason for verdict in verdicts]} without the guards, "
            f"{shipped.reason} with all"
        )
    file = {"guards": [one.label for one in needed], "lie": lie, "certificate": data}
    (FOLDER / f"{name}.json").write_text(json.dumps(file, ensure_ascii=False) + "\n")
    made.extend(one.label for one in needed)


def main() -> None:
    from .lies import everything

    for old in FOLDER.glob("*.json"):
        old.unlink()
    everything()
    missing = [g.label for g in GUARDS if g.label not in made]
    print(
        f"{len(made)} forged certificates; {len(missing)} of {len(GUARDS)} guards without one:",
        *missing,
        sep="\n    ",
    )


if __name__ == "__main__":
    # The module that the lies import is the one that remembers them.
    from tests.forged.make import main as run

    run()
