"""Certificates: every one is accepted, every corrupted one refuted."""

import copy
import json
from dataclasses import replace
from fractions import Fraction

import pytest

from singlearn.exact import Certificate, Expression, rlct, verify
from singlearn.exact.verify.charts import CheckedChart
from singlearn.exact.verify.tree import hoelder

CASES = [
    "(x^2 - y^3)^2",
    "x^2*y^2 + y^4",
    "(x - y)^2 + z^4",
    "y^6 + (x - y^2)^2",
    "(x^2*y - z^2)^2",
]
HARMLESS = {"witness", "name", "local", "units", "complement"}
"""Fields in which another entry may be as good: evidence of a real point, labels of new
coordinates, a basis of a lattice.
"""


def repeats(value, other):
    """Whether the other list says its last entry twice, which proves the same."""
    return isinstance(value, list) and value and other == value + value[-1:]


def plain(K, **arguments):
    return json.loads(json.dumps(rlct(K, **arguments).certificate.to_dict()))


def paths(data, path=()):
    if path:
        yield path
    for key in (
        data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    ):
        yield from paths(data[key], (*path, key))


def at(data, path):
    for key in path:
        data = data[key]
    return data


def corruptions(value):
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        yield value - 1
    elif value is None:
        yield []
    elif isinstance(value, str):
        try:
            yield str(Fraction(value) + 1)
            yield str(-Fraction(value) - 2)
        except ValueError:
            yield value + "_"
    elif isinstance(value, list):
        yield from (value[:i] + value[i + 1 :] for i in range(len(value)))
        yield value + value[-1:] if value else [0]
        yield None
    else:
        yield from ({k: v for k, v in value.items() if k != gone} for gone in value)
        yield {**value, "extra": 1}


# Each is changed in hundreds of places; tests/forged has lies that are better thought out.
@pytest.mark.parametrize("K", CASES)
def test_every_corruption_is_refuted(K):
    sound = plain(K)
    assert verify(sound)
    changed, tried = copy.deepcopy(sound), 0
    for path in paths(sound):
        value = at(sound, path)
        for other in corruptions(value):
            if other == value:
                continue
            holder = at(changed, path[:-1])
            holder[path[-1]] = other
            verdict = verify(changed)
            tried += 1
            if verdict:
                # Still a proof, and of the same statement.
                assert changed["statement"] == sound["statement"], (path, value, other)
                assert HARMLESS & set(path) or repeats(value, other), (path, value, other)
            else:
                assert verdict.reason
            holder[path[-1]] = value
    assert changed == sound
    assert tried > 100


@pytest.mark.parametrize("wrong", [["1/2", -1], ["5/12", -2], ["1/3", -1]])
def test_another_result_is_refuted(wrong):
    certificate = plain("(x^2 - y^3)^2")
    for side in ("low", "high"):
        changed = copy.deepcopy(certificate)
        changed["statement"]["bound"][side] = wrong
        assert not verify(changed)
    both = copy.deepcopy(certificate)
    for bound in (both["statement"]["bound"], both["proofs"][0]["node"]["bound"]):
        bound["low"] = bound["high"] = wrong
    assert not verify(both)


def test_the_certificate_of_another_polynomial_is_refuted():
    one, other = plain("(x^2 - y^3)^2"), plain("(x^2 - y^5)^2")
    one["statement"]["K"] = other["statement"]["K"]
    assert not verify(one)
    one["statement"]["terms"] = other["statement"]["terms"]
    assert not verify(one)


@pytest.mark.parametrize(
    "K, arguments",
    [
        ("(x^2 + y^2 - 1)^2", {"domain": "all"}),
        ("(x*y)^2*(x - 1)^4", {"domain": {"x": (-1, 2), "y": (-1, 1)}}),
        ("(x*y)^2*(x - 1)^4", {"at": {"x": 1}}),
        ("x^4*y^2*(x + z)^2", {"prior": "|x|*y^2"}),
        ("x^2 + y^2", {"prior": "(x + y)^2"}),
        ("(x - 1)^2", {"at": {"x": 1}, "prior": "|x|^3"}),
        (["x*y + z*w", "x*z - w^2"], {}),
        ("x^2 + 1", {}),
        ("(16*p^4*r - 4*p^3*q^2 - 128*p^2*r^2 + 144*p*q^2*r - 27*q^4 + 256*r^3)^2", {}),
        (["x*y*w + z*v^2 + x*z", "y*z*v + x^2*w - v*w", "x*v*w + y^2*z"], {"timeout": 0.3}),
    ],
    ids=str,
)
def test_certificates_of_all_kinds_are_accepted(K, arguments):
    result = rlct(K, **arguments)
    data = json.loads(json.dumps(result.certificate.to_dict()))
    assert verify(data) and verify(Certificate.from_dict(data)) and verify(result.certificate)


@pytest.mark.parametrize(
    "data", [{}, [], {"format": "other", "statement": {}, "proofs": []}, {"format": 1}, "text"]
)
def test_what_is_no_certificate_is_refuted(data):
    assert not verify(data)


def test_summands_that_a_condition_links():
    """Where w is not 0, a and b are not equal, so they are not both 1: worked out from ∫|α -
    β|^10/|αβ| dα dβ.
    """
    result = rlct(["w - a + b", "x*(a - 1)", "y*(b - 1)"], domain="all", prior="|w|^10")
    assert (result.value, result.multiplicity) == (Fraction(3, 2), 2) and verify(result.certificate)
    assert rlct(["w - a + b", "x*(a - 1)", "y*(b - 1)"], domain="all").multiplicity == 3


def test_a_variable_called_like_an_absolute_value():
    """K = x²a² with density a²|x|: ratios (1 + 1)/2 and (2 + 1)/2."""
    result = rlct("x^2*absolute_of_x^2", prior="absolute_of_x^2*|x|")
    assert (result.value, result.multiplicity) == (1, 1) and verify(result.certificate)


@pytest.mark.parametrize("number", ["1.00000000000000000001", "1e-400", "0.1234567890123456789"])
def test_digits_that_would_be_lost_are_refused(number):
    with pytest.raises(ValueError, match="more digits"):
        rlct(f"x^2 - 2*{number}*x*y + y^2")
    assert Expression("0.1*x + 2.50*y - 1e-3").evaluate({"x": 1, "y": 1}, Fraction) == Fraction(
        2599, 1000
    )


def test_what_goes_deeper_than_the_stack_is_refuted():
    node = {"kind": "open", "moves": [], "bound": {"low": ["1/4", -1], "high": ["inf", 0]}}
    part = {"move": "part", "generators": [0], "names": ["x"]}
    for _ in range(3000):
        node = {
            "kind": "sum",
            "moves": [],
            "bound": node["bound"],
            "children": [{"move": part, "node": node}],
        }
    data = plain(["x"])
    data["proofs"][0]["node"] = node
    assert not verify(data)


def test_orders_on_a_hypersurface():
    """(v - 1)³ is of degree 2 in the coordinates of the surface u = v³ - w, and still of order 3
    where v = w = 1.
    """
    cube = {
        (0, 3, 0): Fraction(1),
        (0, 2, 0): Fraction(-3),
        (0, 1, 0): Fraction(3),
        (0, 0, 0): Fraction(-1),
    }
    chart = CheckedChart(("u",), ("v", "w"), (0,), (0,), (cube,), {(0, 0, 0): Fraction(1)}, 2)
    relation = {(0, 3, 0): Fraction(1), (0, 0, 1): Fraction(-1), (1, 0, 0): Fraction(-1)}
    on_surface = replace(chart, relations=(("v", relation),)).normal()
    assert max(map(sum, on_surface.generators[0])) == 2
    assert hoelder(on_surface)[0] <= Fraction(1, 6) == hoelder(chart)[0]  # λ of (v - 1)⁶


def test_a_prior_that_is_no_monomial_counts_in_the_numerator_of_a_pole():
    """x^2 + y^2 with x^2 + 2 y^2: homogeneous, λ = (2 + 2)/2; without the prior it would be 1."""
    found = rlct("x^2 + y^2", prior="x^2 + 2*y^2")
    assert (found.value, found.multiplicity) == (2, 1)
    assert verify(found.certificate).valid
