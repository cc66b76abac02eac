"""Writes ``valleys.json``: landscapes of one or two parameters, with λ and m proved by
:func:`singlearn.exact.rlct`.

Run ``python -m singlearn.explore.data.make_valleys``. Every λ in the page comes from this file, and
every entry carries the certificate that the page verifies. A landscape is a list of pieces, each a
polynomial on a box; the integral over a union is the sum of the integrals, so its key (λ, -m) is
the smallest of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import sympy

from singlearn import exact
from singlearn.exact.divergences import worked_examples

PLACE = Path(__file__).with_name("valleys.json")
UNIT = ("-1", "1")

TABLE: list[tuple[str, dict[str, tuple[str, str]]]] = [
    ("w^2", {"w": UNIT}),
    ("w^4", {"w": UNIT}),
    ("w^6", {"w": UNIT}),
    ("w^8", {"w": UNIT}),
    ("w^2 + w^4", {"w": UNIT}),
    ("(w^2 - 1/4)^2", {"w": UNIT}),
    ("w^2*(w - 1/2)^2", {"w": UNIT}),
    ("w^4*(w - 1/2)^2", {"w": UNIT}),
    ("(w^3 - 1/4*w)^2", {"w": UNIT}),
    ("x^2 + y^2", {}),
    ("x^2 + 3*y^2", {}),
    ("x^2 + x*y + y^2", {}),
    ("x^2 + y^4", {}),
    ("x^4 + y^4", {}),
    ("x^4 + y^6", {}),
    ("x^2 + y^6", {}),
    ("x^2*y^2", {}),
    ("x^2*y^4", {}),
    ("x^4*y^4", {}),
    ("x^2*y^6", {}),
    ("x^2*y^2 + y^4", {}),
    ("x^2*y^2 + x^4", {}),
    ("x^2*y^2 + x^6 + y^6", {}),
    ("x^2*y^2 + y^6", {}),
    ("(x^2 + y^2)^2", {}),
    ("(x^2 + y^2)^3", {}),
    ("(y^2 - x^3)^2", {}),
    ("(y^2 - x^5)^2", {}),
    ("(y^3 - x^4)^2", {}),
    ("(y^2 - x^2 - x^3)^2", {"x": ("-3/2", "3/2"), "y": ("-3/2", "3/2")}),
    ("(x^3 + y^3 - x*y)^2", {}),
    ("((x^2 + y^2)^2 - x^2 + y^2)^2", {"x": ("-5/4", "5/4"), "y": ("-5/4", "5/4")}),
    ("(x^3 - 3*x*y^2)^2", {}),
    ("(y^2 - x^4)^2", {}),
    ("(y - x^2)^2", {}),
    ("(y - x^3)^2", {}),
    ("y^2*(y - x^2)^2", {}),
    ("x^2*(y - x^2)^2", {}),
    ("x^2*(y^2 - x^3)^2", {}),
    ("x^2*y^2*(x + y)^2", {}),
    ("x^2*y^2*(x - 1/2)^2", {}),
    ("x^2*(x^2 + y^2)", {}),
    ("(x + y)^2", {}),
    ("(x + y - 1/2)^2", {}),
    ("(x + y)^2*(x - y)^2", {}),
    ("(x*y - 1/4)^2", {}),
    ("(x*y - 1)^2", {"x": ("0", "4"), "y": ("0", "4")}),
    ("1/4*(x*y - 1)^2", {"x": ("-3", "3"), "y": ("-3", "3")}),
    ("(x^2 + y^2 - 1/2)^2", {}),
    ("(x^2 + 2*y^2 - 1/2)^2", {}),
    ("(y - x)^2 + x^4", {}),
    ("(y - x^2)^2 + x^6", {}),
    ("y^2 + (x^2 - 1/4)^2", {}),
    ("(x*y^2 - 1/8)^2", {}),
    ("x^2*(y - 1/2)^2", {}),
    ("(x - y)^4", {}),
]
"""K and the box of its prior; {} stands for the square [-1, 1]²."""

EXAMPLES: list[dict[str, Any]] = [
    {
        "id": "scaling",
        "title": "Scaling valley: q ReLU(wx) learns ReLU(x)",
        "source": "Carroll 2021, Example 3.2",
        "variables": ["w", "q"],
        "box": [["-1", "4"], ["-1", "4"]],
        "pieces": [
            {"box": [["0", "4"], ["-1", "4"]], "K": "1/4*(w*q - 1)^2"},
            {"box": [["-1", "0"], ["-1", "4"]], "K": "1/4*w^2*q^2 + 1/4"},
        ],
        "words": "The inputs are uniform on [−√3, √3], the noise has variance 1. Scaling (aw, q/a) "
        "changes nothing: the true parameters are the "
        "hyperbola wq = 1, w > 0.",
    },
    {
        "id": "cross",
        "title": "Scaling valley at θ = 0: a node that has nothing to learn",
        "source": "Carroll 2021, Example 3.2",
        "variables": ["w", "q"],
        "box": [["-2", "2"], ["-2", "2"]],
        "pieces": [{"box": [["-2", "2"], ["-2", "2"]], "K": "1/4*w^2*q^2"}],
        "words": "The same node, and a truth that is 0. The hyperbola has become the cross wq = 0, "
        "and "
        "where its arms meet there is more room by a "
        "logarithm: m = 2.",
    },
    {
        "id": "reversal",
        "title": "Orientation reversal: both nodes turned round",
        "source": "Carroll 2021, Example 3.3",
        "variables": ["s", "c"],
        "box": [["0", "2"], ["0", "2"]],
        "pieces": [
            {
                "box": [["0", "2"], ["0", "2"]],
                "K": "1/48*(s - 1)^2 + 1/8*(s - 1)*(c - 1) + 1/2*(c - 1)^2",
            }
        ],
        "words": "The truth ReLU(x + 1/2) + ReLU(1/2 − x) on [−1, 1] is also s ReLU(x − 1/2) + s "
        "ReLU(−x "
        "− 1/2) + c with s = c = 1. A "
        "symmetry without a direction: in s and c the model is regular, λ = d/2.",
    },
    {
        "id": "two-nodes",
        "title": "Two nodes where one is enough",
        "source": "Carroll 2021, Example 3.4",
        "variables": ["w1", "w2"],
        "box": [["-1", "2"], ["-1", "2"]],
        "pieces": [
            {"box": [["0", "2"], ["0", "2"]], "K": "1/4*(w1 + w2 - 1)^2"},
            {"box": [["0", "2"], ["-1", "0"]], "K": "1/4*(w1 - 1)^2 + 1/4*w2^2"},
            {"box": [["-1", "0"], ["0", "2"]], "K": "1/4*w1^2 + 1/4*(w2 - 1)^2"},
            {"box": [["-1", "0"], ["-1", "0"]], "K": "1/4 + 1/4*(w1 + w2)^2"},
        ],
        "words": "ReLU(w1 x) + ReLU(w2 x) learns ReLU(x), inputs uniform on [−√3, √3]. W₀ is the "
        "segment "
        "w1 + w2 = 1; at its ends one node is "
        "idle, and K has no Hessian. λ = 1/2 there as well.",
    },
    {
        "id": "moving-kink",
        "title": "A kink that moves: ReLU(x − b) learns ReLU(x)",
        "source": "Wei et al. 2022, Example 4",
        "variables": ["b"],
        "box": [["-1", "1"]],
        "pieces": [
            {"box": [["-1", "0"]], "K": "1/4*b^2 - 1/12*b^3"},
            {"box": [["0", "1"]], "K": "1/4*b^2 - 1/6*b^3"},
        ],
        "words": "Inputs uniform on [−1, 1]. K has two derivatives but not three, so it is not "
        "analytic; "
        "its volume exponent is 1/2 all the same.",
        "at": {"b": "0"},
    },
    {
        "id": "quadratic",
        "title": "Regular, one parameter: w²",
        "K": "w^2",
        "words": "Half a unit of λ for a parameter: λ = d/2 = 1/2.",
    },
    {
        "id": "quartic",
        "title": "Flat: w⁴",
        "K": "w^4",
        "words": "Flatter than any parabola. The Hessian at 0 is 0, and λ = 1/4: less than d/2 = "
        "1/2.",
    },
    {
        "id": "bowl",
        "title": "Regular, two parameters: x² + y²",
        "K": "x^2 + y^2",
        "words": "What BIC and Laplace's method are made for: λ = d/2 = 1.",
    },
    {
        "id": "crossing",
        "title": "Normal crossing: x²y²",
        "K": "x^2*y^2",
        "words": "Two valleys that cross. Each alone has λ = 1/2; the crossing adds a logarithm, m "
        "= 2.",
    },
    {
        "id": "cusp",
        "title": "Cusp: (y² − x³)²",
        "K": "(y^2 - x^3)^2",
        "words": "Away from the tip λ = 1/2; at the tip it is 5/12. The smallest λ wins, and the "
        "posterior gathers at the tip, slowly.",
    },
    {
        "id": "node",
        "title": "Node: (y² − x² − x³)²",
        "K": "(y^2 - x^2 - x^3)^2",
        "words": "A curve that crosses itself: near the crossing it is two lines, λ = 1/2 with m "
        "= 2.",
    },
    {
        "id": "circle",
        "title": "Circle: (x² + y² − 1/2)²",
        "K": "(x^2 + y^2 - 1/2)^2",
        "words": "A valley that closes: one direction out of it, λ = 1/2.",
    },
    {
        "id": "tacnode",
        "title": "Tacnode: (y² − x⁴)²",
        "K": "(y^2 - x^4)^2",
        "words": "Two parabolas that touch: λ = 3/8, below that of a crossing.",
    },
]


def proved(
    K: str, box: dict[str, tuple[str, str]] | None, at: dict[str, str] | None = None
) -> dict[str, Any]:
    """λ, m and the certificate over a box, or at a point.

    Where the zeros lie on the edge of the box it is over all real points, a lower bound.
    """
    found = exact.rlct(K, domain=box) if at is None else exact.rlct(K, at=at)
    if at is None and found.status != "proved":
        found = exact.rlct(K, domain="all")
    if found.status != "proved" or found.certificate is None:
        raise ValueError(f"{K}: {found}; only what is proved belongs into the table")
    if not exact.verify(found.certificate).valid:
        raise ValueError(f"{K}: {found}; only what is proved belongs into the table")
    exponent = None if found.value == sympy.oo or found.value == float("inf") else str(found.value)
    return {
        "lambda": exponent,
        "m": found.multiplicity if exponent else None,
        "certificate": found.certificate.to_dict(),
    }


def names(K: str) -> list[str]:
    """Variables, in the order of the axes."""
    return sorted(str(s) for s in sympy.sympify(K.replace("^", "**")).free_symbols)


def entry(K: str, sides: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """A polynomial on one box."""
    variables = names(K)
    box = {name: sides.get(name, UNIT) for name in variables}
    found = proved(K, box)
    if found["certificate"]["statement"]["scope"] == "everywhere":
        raise ValueError(
            f"{K}: λ = {found['lambda']} was proved at no point inside the box; the table needs "
            f"such a point"
        )
    return {"K": K, "variables": variables, "box": [list(box[name]) for name in variables]} | found


def example(raw: dict[str, Any], table: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A landscape with a name; one that is a polynomial of the table points there."""
    if "K" in raw:
        row = next(row for row in table if row["K"] == raw["K"])
        return {key: raw[key] for key in ("id", "title", "words")} | {
            "source": "",
            "variables": row["variables"],
            "box": row["box"],
            "pieces": [
                {
                    "box": row["box"],
                    "K": row["K"],
                    "table": table.index(row),
                    "lambda": row["lambda"],
                    "m": row["m"],
                }
            ],
            "lambda": row["lambda"],
            "m": row["m"],
        }
    pieces = []
    for piece in raw["pieces"]:
        box = {name: tuple(side) for name, side in zip(raw["variables"], piece["box"], strict=True)}
        used = {name: box[name] for name in names(piece["K"])}
        pieces.append(piece | proved(piece["K"], used, raw.get("at")))
    keys = [(Fraction(p["lambda"]), -p["m"]) for p in pieces if p["lambda"] is not None]
    low, order = min(keys)
    if at_edge := [
        p["K"]
        for p in pieces
        if p["certificate"]["statement"]["scope"] == "everywhere" and p["lambda"] == str(low)
    ]:
        raise ValueError(f"{raw['id']}: {at_edge} attain λ on the edge of their box only")
    made = {key: value for key, value in raw.items() if key != "at"}
    return made | {"pieces": pieces, "lambda": str(low), "m": -order}


def check_against_worked_examples(examples: Sequence[dict[str, Any]]) -> None:
    """The pieces written here are those of :mod:`singlearn.exact.divergences.worked_examples`, and
    so are λ and m.
    """
    third = sympy.sqrt(3)
    known = {
        "scaling": worked_examples.scaling_valley(1, third),
        "cross": worked_examples.scaling_valley(0, third),
        "reversal": worked_examples.orientation_reversal(1, sympy.Rational(1, 2), 1),
        "two-nodes": worked_examples.two_node_degeneracy(1, third),
        "moving-kink": worked_examples.moving_kink(1),
    }
    for made in examples:
        if made["id"] not in known:
            continue
        truth = known[made["id"]]
        if (made["lambda"], made["m"]) != (str(truth.known.value), truth.known.multiplicity):
            raise ValueError(
                f"{made['id']}: λ, m are {made['lambda']}, {made['m']}; the worked example says "
                f"{truth.known}"
            )
        for piece in made["pieces"]:
            for share in (sympy.Rational(1, 3), sympy.Rational(4, 7)):
                point = {
                    name: sympy.Rational(low) + share * (sympy.Rational(high) - sympy.Rational(low))
                    for name, (low, high) in zip(made["variables"], piece["box"], strict=True)
                }
                here = sympy.sympify(
                    piece["K"].replace("^", "**"),
                    locals={n: sympy.Symbol(n) for n in made["variables"]},
                )
                difference = here.subs({sympy.Symbol(n): v for n, v in point.items()}) - truth.at(
                    truth.K, **point
                )
                if sympy.simplify(difference) != 0:
                    raise ValueError(
                        f"{made['id']}: K differs from the worked example at {point} by "
                        f"{difference}"
                    )


def main() -> None:
    """Write the file."""
    table = [entry(K, sides) for K, sides in TABLE]
    examples = [example(raw, table) for raw in EXAMPLES]
    check_against_worked_examples(examples)
    made = {"format": "singlearn explore valleys 1", "table": table, "examples": examples}
    PLACE.write_text(
        json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    print(
        f"{PLACE.name}: {len(table)} polynomials, {len(examples)} examples, {PLACE.stat().st_size} "
        f"bytes"
    )


if __name__ == "__main__":
    main()
