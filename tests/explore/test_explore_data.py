"""The tables of the explorer: certificates stand, λ is what the library says today, phases are
those of closed forms.
"""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

from singlearn import exact
from singlearn.explore.data import make_valleys

VALLEYS = json.loads(
    (files("singlearn.explore") / "data" / "valleys.json").read_text(encoding="utf-8")
)
PHASES = json.loads(
    (files("singlearn.explore") / "data" / "phases.json").read_text(encoding="utf-8")
)
WRITTEN = {row["K"]: row for row in VALLEYS["table"]}


def test_certificates_prove_the_numbers_beside_them():
    rows = [
        *VALLEYS["table"],
        *(p for e in VALLEYS["examples"] for p in e["pieces"] if "certificate" in p),
    ]
    assert len(rows) >= 60
    for row in rows:
        certificate = exact.Certificate.from_dict(row["certificate"])
        claimed = [row["lambda"], -row["m"]] if row["lambda"] else ["inf", 0]
        assert certificate.statement["bound"] == {"low": claimed, "high": claimed}, row["K"]
        assert certificate.statement["K"] == [row["K"]]
    # The checker in JavaScript goes through all of them; here through some.
    for row in rows[::8]:
        assert exact.verify(exact.Certificate.from_dict(row["certificate"])).valid, row["K"]


def test_the_table_is_what_its_script_writes_today():
    assert list(WRITTEN) == [K for K, _ in make_valleys.TABLE]
    for K, sides in make_valleys.TABLE[4::26]:
        assert make_valleys.entry(K, sides) == WRITTEN[K]
    for raw, written in zip(make_valleys.EXAMPLES, VALLEYS["examples"], strict=True):
        if raw["id"] in ("two-nodes", "cusp"):
            assert make_valleys.example(raw, VALLEYS["table"]) == written


@pytest.mark.slow
def test_the_whole_table_is_what_its_script_writes_today():
    assert [make_valleys.entry(K, sides) for K, sides in make_valleys.TABLE] == VALLEYS["table"]
    make_valleys.check_against_worked_examples(VALLEYS["examples"])


def test_what_is_attained_at_no_point_inside_the_box_is_left_out():
    with pytest.raises(ValueError, match="at no point inside the box"):
        make_valleys.entry("(x*y^2 - 1/4)^2", {})


def test_the_order_of_phases_changes_where_their_curves_cross():
    one, *tables = PHASES["sets"]
    assert all(len(p["share"]["value"]) == len(one["n"]) for p in one["phases"])
    for chosen in tables:
        dead, ordered = (np.array(p["F"]["value"]) for p in chosen["phases"])
        crossing = np.interp(0.0, dead - ordered, np.log(chosen["n"]))
        assert abs(crossing - np.log(chosen["crossing"]["n"])) < 0.02
        assert chosen["paper"]["n"] < chosen["crossing"]["n"]


@pytest.mark.slow
def test_dead_phases_are_the_closed_form():
    from singlearn.experiments.carroll2021.relu_laplace import constant_fit, dead_free_energy
    from singlearn.models import star_truth

    for chosen in PHASES["sets"][1:]:
        dead, kinks = chosen["phases"][0], int(chosen["id"][-1])
        mean, divergence = constant_fit(star_truth(kinks, kinks))
        expected = [
            dead_free_energy(n, mean, divergence, dead["hidden"], dead["scale"])
            for n in chosen["n"]
        ]
        np.testing.assert_allclose(dead["F"]["value"], expected, rtol=2e-5)
