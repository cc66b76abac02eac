"""The checker in JavaScript accepts what the search writes, and refuses every forged
certificate.
"""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from forged.table import forged
from singlearn.exact import rlct, verify

CHECK = Path(__file__).parents[2] / "checkers" / "javascript" / "check.mjs"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: the second checker of certificates is not tested"
)

HONEST = [
    # One variable and two, with crossings, charts, covers and étale coordinates.
    ("(x^2 - y^3)^2", {}),
    ("((x + y)^2 - x^3)^2", {}),
    ("((x^2 - 2*y^2)^2 - x*y^4)^2", {}),
    ("x^4 - 2*x^2*y^3 + y^6 + x^10", {}),
    ("y^6 + (x - y^2)^2", {}),
    ("x^2*y^2 + y^4", {}),
    ("x^2 + 1", {}),
    # A face that is a sum of squares, of a K that is none; K whose squares are found, linear
    # coordinates, a power.
    ("(x - y)^4 + x^4 + y^4*(1 + z) + z^2", {}),
    ("5*x^4 + 4*x^3*y + 6*x^2*y^2 + 2*y^4", {}),
    ("(x - y)^2 + (1 + x)*(y + z)^4 + 2*z^6", {}),
    ("(x + y + z)^40", {}),
    (["3*x*y^3*z^3", "2*x^3*z + x*y^2*z^2"], {}),
    (["2*x^3*y^3*z + z^2", "2*y*z + 2*x^2*y^3 - x^3*y*z^3"], {}),
    # Statements of every kind.
    ("(x^2 + y^2 - 1)^2", {"domain": "all"}),
    ("(x*y)^2*(x - 1)^4", {"domain": {"x": (-1, 2), "y": (-1, 1)}}),
    ("(x*y)^2*(x - 1)^4", {"at": {"x": 1}}),
    ("x^4*y^2*(x + z)^2", {"prior": "|x|*y^2"}),
    ("x^2 + y^2", {"prior": "(x + y)^2"}),
    ("(x - 1)^2", {"at": {"x": 1}, "prior": "|x|^3"}),
    # From the catalogue: a valley, matrix factorisation, reduced rank, Vandermonde, a discriminant;
    # one left open.
    ("(w*q - 2)^2", {"domain": "all"}),
    (["a*c + b*d", "a*e + b*f"], {}),
    (["x*y + z*w", "x*z - w^2"], {}),
    (["a*b + c*d", "a*b^3 + c*d^3"], {}),
    ("(16*p^4*r - 4*p^3*q^2 - 128*p^2*r^2 + 144*p*q^2*r - 27*q^4 + 256*r^3)^2", {}),
    (["x*y*w + z*v^2 + x*z", "y*z*v + x^2*w - v*w", "x*v*w + y^2*z"], {"timeout": 0.3}),
]


def at_random(count):
    """Sums of few monomials with small coefficients."""
    draw = random.Random(0)

    def monomial(names):
        return "*".join(f"{n}^{k}" for n in names if (k := draw.choice((0, 0, 1, 1, 2, 3)))) or "x"

    cases = []
    while len(cases) < count:
        names = "xyz"[: draw.choice((2, 2, 3))]
        terms = [
            [f"({draw.choice((-2, -1, 1, 1))})*{monomial(names)}" for _ in range(3)]
            for _ in range(draw.choice((1, 2)))
        ]
        cases.append((["+".join(one) for one in terms], {"timeout": 2}))
    return cases


def run(folder, certificates):
    """Verdict and reason by name, and the exit status."""
    paths = {}
    for name, data in certificates.items():
        paths[name] = folder / f"{name}.json"
        paths[name].write_text(json.dumps(data))
    result = subprocess.run([NODE, CHECK, *paths.values()], capture_output=True, text=True)
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    return {
        Path(path).stem: (verdict, reason) for verdict, path, reason in lines
    }, result.returncode


@pytest.fixture(scope="module")
def honest():
    found = {}
    for number, (K, arguments) in enumerate([*HONEST, *at_random(12)]):
        try:
            found[f"case{number}"] = rlct(K, **arguments).certificate.to_dict()
        except ValueError:  # random terms that cancel
            continue
    return found


def test_honest_certificates_are_valid(honest, tmp_path):
    verdicts, status = run(tmp_path, honest)
    assert {name: verdict for name, verdict in verdicts.items() if verdict[0] != "valid"} == {}
    assert status == 0 and set(verdicts) == set(honest) and len(honest) > 25


def test_the_honest_ones_are_of_all_kinds(honest):
    text = json.dumps(honest)
    words = (
        "newton sum cover open combine divide solve etale toric part excluded crossing steep "
        "contact charts"
    )
    assert [word for word in words.split() if f'"{word}"' not in text] == []


def test_forged_certificates_are_refuted_for_the_same_reason(tmp_path):
    verdicts, status = run(tmp_path, {name: file["certificate"] for name, file in forged().items()})
    assert status == 1 and set(verdicts) == set(forged())
    assert {verdict for verdict, _ in verdicts.values()} == {"refuted"}
    same = sum(
        verify(file["certificate"]).reason == verdicts[name][1] for name, file in forged().items()
    )
    assert same > 0.9 * len(verdicts)  # not because it stumbles over something else
    assert not [reason for _, reason in verdicts.values() if "cannot be read" in reason]


def test_other_statements_are_refuted(honest, tmp_path):
    changed = json.loads(json.dumps(honest))
    for data in changed.values():
        low = data["statement"]["bound"]["low"]
        low[0] = "1/7" if low[0] == "inf" else low[0] + "1"
    verdicts, _ = run(tmp_path, changed)
    assert {verdict for verdict, _ in verdicts.values()} == {"refuted"}


def test_exit_status_where_nothing_is_said(honest, tmp_path):
    huge = json.loads(json.dumps(honest["case0"]))
    huge["statement"]["K"] = ["1e450*x^2*y"]
    verdicts, status = run(tmp_path, {"huge": huge})
    assert status == 3 and verdicts["huge"][0] == "not covered"
    (tmp_path / "broken.json").write_text("{")
    for paths in ([], [tmp_path / "broken.json"], [tmp_path / "missing.json"]):
        assert subprocess.run([NODE, CHECK, *paths], capture_output=True).returncode == 2
