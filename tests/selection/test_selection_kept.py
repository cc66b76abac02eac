"""A selection in LaTeX and in a folder, and whether a model makes data like those observed."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

import singlearn as sl
from singlearn.results.caution import Reason
from singlearn.selection import predictive_check
from singlearn.selection.replicated_data import checked

POINTS = np.linspace(-3, 3, 24)


def family(k: int) -> sl.Triple:
    """y ~ N(w, K²)."""
    return sl.Triple(
        lambda w, y: dist.Normal(w, float(k)).log_prob(y), dist.Normal(0.0, 2.0), POINTS
    )


@pytest.fixture(scope="module")
def chosen():
    return sl.select(family, [1, 2], particles=64, seed=1, name="groups")


def test_latex_has_the_numbers_of_the_table(chosen) -> None:
    text = chosen.to_latex()
    assert text.startswith(r"\begin{tabular}") and text.endswith(r"\end{tabular}")
    rows = [line for line in text.splitlines() if line.endswith(r"\\")][2:]
    assert len(rows) == 2 and all(row.count("&") == 8 for row in rows)
    assert [r"\textbf{" in row for row in rows] == [c is chosen.best for c in chosen.candidates]
    assert f"{chosen.candidates[0].bic:.2f}" in rows[0]


def test_what_is_saved_comes_back_with_the_same_numbers(chosen, tmp_path) -> None:
    chosen.save(tmp_path / "groups")
    again = sl.selection.Selection.load(tmp_path / "groups", family)
    assert again.to_dict() == chosen.to_dict()
    assert again.check(2).rows[0].observed == chosen.check(2).rows[0].observed
    with pytest.raises(FileExistsError, match="folder"):
        chosen.save(tmp_path / "groups")
    with pytest.raises(FileNotFoundError, match="folder"):
        sl.selection.Selection.load(tmp_path)


def test_the_share_of_replicated_data_is_that_of_the_distribution() -> None:
    made = np.random.default_rng(0).normal(size=(4, 2000, 3))
    found = checked("first", np.array([1.0, 9.0, 9.0]), made, lambda y: float(y[0]))
    assert abs(found.share.value - stats.norm.sf(1.0)) < 4 * found.share.standard_error < 0.05
    assert not found.is_unlike
    assert checked("first", np.array([8.0]), made, lambda y: float(y[0])).is_unlike


def test_a_spread_that_the_model_does_not_make_is_a_caution(chosen) -> None:
    """Standard deviation of the data 1.8; of replicated ones 1 ± 0.15, or 2 ± 0.3."""
    narrow, right = chosen.check(1), chosen.check(2)
    assert [caution.reason for caution in narrow.cautions] == [Reason.MISFIT]
    assert "standard deviation" in str(narrow.cautions[0]) and not right.cautions
    row = next(row for row in right.rows if row.name == "standard deviation")
    # The mean of a standard deviation of n = 24 draws of N(w, 4), known in closed form.
    assert row.replicated == pytest.approx(2 * stats.chi.mean(23) / np.sqrt(24), abs=0.1)
    assert len(str(narrow)) < 2000 and len(narrow.table()) == 4
    with pytest.raises(ValueError, match="size: got 7"):
        chosen.check(7)


def test_a_run_without_its_model_is_refused(chosen) -> None:
    with pytest.raises(ValueError, match="loaded without its triple"):
        predictive_check(dataclasses.replace(chosen.best.run, triple=None))
