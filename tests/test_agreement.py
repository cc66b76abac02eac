"""``singlearn.agreement``: algebra beside volume beside tempering."""

import importlib
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import pytest

import singlearn as sl
from singlearn.agreement import Agreement, Reading, agreement
from singlearn.exact import rlct
from singlearn.results.caution import Caution, Reason


@pytest.fixture(scope="module")
def known():
    return rlct("x^2*y^2 + y^4", domain="all")


def test_three_measurements_agree_with_the_proof(known):
    found = sl.agreement(
        "x^2*y^2 + y^4", known, smallest=1e-8, beta_max=1e6, live=200, particles=128
    )
    assert [r.name for r in found.readings] == [
        "volume, nested sampling",
        "volume, tempering",
        "energy, tempering",
    ]
    for reading in found.readings:
        assert reading.standard_error < 0.12
        assert reading.agrees_with(float(known))
        assert reading.seconds > 0
    assert not found.readings[0].agrees_with(1.0)
    assert found.agrees is True and len(str(found)) < 2000
    assert [row["agrees"] for row in found.to_dict()["readings"][1:]] == [True] * 3


def test_a_reading_that_does_not_agree_is_said_and_cautioned(known):
    far = Reading(
        "energy", 0.9, 0.02, 1, 1.0, (Caution(Reason.POOR_MIXING, "2 rungs kept their ranks"),)
    )
    found = Agreement(known, (replace(far, value=float(known), cautions=()), far))
    assert found.agrees is False and "does not agree" in str(found)
    assert [c.reason for c in found.cautions] == [Reason.READINGS_DISAGREE, Reason.POOR_MIXING]
    # Of bounds nobody can say whether a number agrees with λ.
    bounds = sl.exact.ExactCoefficient(
        None, None, "", "", "bounds", lower=Fraction(1, 4), upper=Fraction(1, 2)
    )
    assert Agreement(bounds, (far,)).agrees is None
    assert "1/4 … 1/2" in str(Agreement(bounds, (far,)))


def test_without_a_zero_there_is_nothing_to_measure():
    with pytest.raises(ValueError, match="K: it has no real zero"):
        agreement("1 + x^2")


def test_the_function_survives_the_import_of_its_module():
    assert callable(importlib.import_module("singlearn.agreement")) and callable(sl.agreement)
    code = "import singlearn.agreement, singlearn as sl; assert callable(sl.agreement)"
    subprocess.run([sys.executable, "-c", code], check=True)
