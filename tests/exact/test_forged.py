"""Dishonest certificates: every one is refuted, and every guard of the checker is needed for one of
them.
"""

import subprocess
import sys

import pytest

from forged.guards import checker, find
from forged.table import forged, rows
from singlearn.exact import verify


@pytest.mark.parametrize("name", forged())
def test_a_forged_certificate_is_refuted(name):
    file = forged()[name]
    verdict = verify(file["certificate"])
    assert not verdict and verdict.reason, file["lie"]


def test_no_guard_can_be_deleted_unnoticed():
    found = rows()
    assert len(found) > 100
    assert [row.guard.label for row in found if not row.accepted] == []


def test_forged_certificates_speak_of_guards_that_are_there():
    labels = {guard.label for guard in find()}
    assert {label for file in forged().values() for label in file["guards"]} == labels
    assert all(file["lie"].endswith(".") for file in forged().values())


def test_the_checker_loaded_anew_is_the_checker():
    line = {
        "place": {"point": {"x": "0"}},
        "node": {
            "kind": "newton",
            "moves": [],
            "faces": [],
            "bound": {"low": ["1/2", -1], "high": ["1/2", -1]},
        },
    }
    statement = {
        "K": ["x"],
        "squares": True,
        "variables": ["x"],
        "terms": [["1", [["1", [1]]]]],
        "power": 2,
        "prior": None,
        "scope": "point",
        "nonnegative": True,
        "bound": {"low": ["1/2", -1], "high": ["1/2", -1]},
    }
    data = {"format": "singlearn rlct certificate 3", "statement": statement, "proofs": [line]}
    with checker() as verification:
        assert verification.__dict__["verify"] is not verify and verification.verify(data)
    assert verify(data)
    assert sys.modules["singlearn.exact.verify.verify"].verify is verify


def test_the_checker_loads_nothing_that_searches():
    code = (
        "import sys, singlearn.exact.verify.verify, singlearn.exact as e\n"
        "from forged.table import forged\n"
        "assert not any(e.verify(f['certificate']) for f in forged().values())\n"
        "print([m for m in sys.modules if m.startswith('singlearn.exact.resolve') or m == 'jax'])"
    )
    path = {"PYTHONPATH": ":".join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path
    )
    assert result.stdout.strip() == "[]"
