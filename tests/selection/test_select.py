"""Selection: free energies against a closed form and a published figure, probabilities by hand, the
table.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

import singlearn as sl
from singlearn.measure.criteria import standard_error_over_data
from singlearn.results.document import plain
from singlearn.results.estimate import Estimate
from singlearn.selection import select
from singlearn.selection.candidate import Difference, difference
from singlearn.selection.predictive import predictive_density
from singlearn.selection.probability import probabilities

POINTS = np.random.default_rng(3).normal(0.4, 1.0, size=30)


def location(prior_scale: int) -> sl.Triple:
    """y ~ N(w, 1), w ~ N(0, K²): its evidence is the density of one normal vector."""
    return sl.Triple(
        lambda w, y: dist.Normal(w, 1.0).log_prob(y),
        dist.Normal(0.0, float(prior_scale)),
        POINTS,
        name=f"K = {prior_scale}",
    )


@pytest.fixture(scope="module")
def locations():
    return select(
        location, [1, 2, 40], particles=128, seed=2, name="points", description="30 numbers"
    )


def test_free_energies_and_criteria_are_the_closed_forms(locations) -> None:
    n, best = (
        len(POINTS),
        0.5 * np.sum((POINTS - POINTS.mean()) ** 2) + 0.5 * len(POINTS) * math.log(2 * math.pi),
    )
    for candidate in locations.candidates:
        covariance = np.eye(n) + candidate.size**2
        exact = -stats.multivariate_normal(np.zeros(n), covariance).logpdf(POINTS)
        assert candidate.free_energy.standard_error < 0.15
        assert abs(candidate.free_energy.value - exact) < 4 * candidate.free_energy.standard_error
        assert candidate.bic == pytest.approx(best + 0.5 * math.log(n), abs=1e-6)
        assert candidate.half_dimension == 0.5
    assert locations.best.size == 1
    assert [c.size for c in locations.tied if c.size == 40] == []


def test_probabilities_by_hand() -> None:
    found = probabilities([Estimate(3.0, 0.0), Estimate(3.0 + math.log(4), 0.1)])
    assert [p.value for p in found] == pytest.approx([0.8, 0.2])
    # P₂ = 1/(1 + e^{F₂-F₁}) moves by P₁P₂ per nat.
    assert [p.standard_error for p in found] == pytest.approx([0.016, 0.016])
    from_spread = probabilities(
        [Estimate.from_replicates([0.0, 2.0]), Estimate.from_replicates([1.0, 1.0])]
    )
    assert from_spread[0].value == pytest.approx(0.5)
    assert from_spread[0].standard_error == pytest.approx((1 / (1 + math.exp(-1)) - 0.5), rel=0.1)


def test_predictive_density_is_the_closed_form(locations) -> None:
    candidate = locations.candidates[1]
    precision = len(POINTS) + 1 / candidate.size**2
    at = np.linspace(-2, 3, 7)
    exact = stats.norm(POINTS.sum() / precision, math.sqrt(1 + 1 / precision)).pdf(at)
    np.testing.assert_allclose(predictive_density(candidate.run, at), exact, atol=0.01)


def test_table_lines_up_and_says_what_it_says(locations) -> None:
    lines = str(locations).splitlines()
    head = next(i for i, line in enumerate(lines) if line.lstrip().startswith("K "))
    rows = lines[head + 2 : head + 5]
    assert lines[0] == "points  30 numbers"
    assert lines[head + 1].count("nats") == 3
    assert len({row.index("±") for row in rows}) == 1
    assert rows[0].split()[0] == "1" and rows[2].split()[0] == "40"
    assert any(line.strip().startswith("best: K = 1") for line in lines)


def test_waic_and_loo_have_two_errors_and_their_difference_a_paired_one(locations) -> None:
    """Right: the closed forms of leaving one out, and ArviZ's formulas √(n Var) on them, for y ~
    N(w, 1), w ~ N(0, K²).
    """
    n = len(POINTS)

    def exact(scale: float) -> np.ndarray:
        precision = n - 1 + scale**-2
        return -stats.norm((POINTS.sum() - POINTS) / precision, np.sqrt(1 + 1 / precision)).logpdf(
            POINTS
        )

    for candidate in locations.candidates:
        each = exact(candidate.size)
        for criterion in (candidate.waic, candidate.loo):
            assert (
                abs(criterion.value - each.sum()) < 4 * criterion.standard_error + 0.02
            )  # WAIC differs from LOO by O(1/n)
            assert criterion.standard_error < 0.2 < criterion.standard_error_over_data
            assert criterion.standard_error_over_data == pytest.approx(
                np.sqrt(n * each.var()), rel=0.05
            )
        assert candidate.loo.cautions == ()
    # With pointwise losses free of the noise of draws, the paired error is the closed form's, far
    # below the two errors themselves.
    clean = replace(
        locations,
        candidates=tuple(
            replace(c, loo=replace(c.loo, pointwise=exact(c.size))) for c in locations.candidates
        ),
    )
    lowest = clean.best_by("loo")
    for candidate in clean.candidates:
        paired = standard_error_over_data(exact(candidate.size) - exact(lowest.size))
        assert clean.difference(candidate, "loo").standard_error_over_data == pytest.approx(paired)
        assert paired < 0.1 * candidate.loo.standard_error_over_data
    last = clean.candidates[2]
    cut = replace(
        last.loo,
        pointwise=last.loo.pointwise[:-1],
        pareto_k=last.loo.pareto_k[:-1],
        loss=Estimate(99.0, 0.1),
    )
    shorter = replace(last, loo=cut)
    unmatched = replace(clean, candidates=(*clean.candidates[:2], shorter)).difference(
        shorter, "loo"
    )
    assert unmatched.standard_error_over_data is None and not unmatched.is_decisive
    text = str(locations)
    assert max(len(line) for line in text.splitlines()) <= 120
    assert (
        "± computation" in text
        and "± over data" in text
        and "do not tell which predicts best" in " ".join(text.split())
    )
    document = locations.to_dict()["candidates"][2]
    assert set(document["loo"]) >= {
        "standard_error",
        "standard_error_over_data",
        "worst_pareto_k",
        "cautions",
    }
    assert set(document["waic_above_lowest"]) == {
        "value",
        "standard_error",
        "standard_error_over_data",
    }


def test_a_small_difference_of_two_precise_numbers_is_not_decisive() -> None:
    """946.9 ± 0.2 against 948.3 ± 0.3 with a paired error of 0.7."""
    assert not Difference(1.4, math.hypot(0.2, 0.3), 0.7).is_decisive
    assert Difference(3.0, 0.3, 0.7).is_decisive
    assert not Difference(30.0, 0.3, None).is_decisive


def test_two_runs_that_no_selection_holds_are_compared_in_pairs(locations) -> None:
    """The same difference as in the table, the other way round with the other sign; WAIC is not
    compared with LOO.
    """
    first, second = (candidate.loo for candidate in locations.candidates[:2])
    found, back = difference(first, second), difference(second, first)
    assert (found.value, found.standard_error_over_data) == (
        -back.value,
        back.standard_error_over_data,
    )
    assert found.standard_error_over_data < first.standard_error_over_data
    assert "paired over data" in str(found) and "decisive" in str(found)
    with pytest.raises(TypeError, match="other: got Waic beside Loo"):
        difference(first, locations.candidates[1].waic)


def test_to_dict_is_json(locations) -> None:
    document = json.loads(json.dumps(plain(locations.to_dict()), allow_nan=False))
    assert document["best"] == 1
    assert sum(c["probability"]["value"] for c in document["candidates"]) == pytest.approx(1)


class Workers:
    """What is used of a Dask client, in this process."""

    def submit(self, function, /, *values, pure):
        return function(*values)

    def gather(self, futures):
        return futures


def test_a_folder_is_resumed_and_progress_is_told(tmp_path) -> None:
    told: list[str] = []

    def make(scale: int) -> sl.Triple:
        prior = dist.Normal(0.0, float(scale))
        return sl.Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), prior, np.arange(20.0) / 10)

    def run(**more):
        return sl.select(make, [1, 2], particles=32, replicates=2, folder=tmp_path, **more)

    first = run(progress=lambda share, words: told.append(words))
    assert any("rung" in words for words in told) and sorted(
        p.name for p in tmp_path.iterdir()
    ) == [
        "K_1",
        "K_2",
    ]
    again = run(progress=False, client=Workers())
    assert again.to_dict() == first.to_dict()
    with pytest.raises(ValueError, match="belongs to another run"):
        sl.select(make, [1], particles=64, replicates=2, folder=tmp_path, progress=False)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="at least one K"):
        select(location, [])
    with pytest.raises(ValueError, match="population"):
        select(lambda k: sl.Triple.population(lambda w: w**2, dist.Normal(0.0, 1.0), n=1), [1])
    with pytest.raises(ValueError, match="observations"):
        select(
            lambda k: sl.Triple(
                lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), POINTS[:k]
            ),
            [3, 4],
        )

    with pytest.raises(ValueError, match="K = 2 has other observations than K = 1"):
        select(
            lambda k: sl.Triple(
                lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), k * POINTS
            ),
            [1, 2],
        )


def test_numpyro_models_of_other_observations_are_refused() -> None:
    import numpyro

    def model(y):
        numpyro.sample("y", dist.Normal(numpyro.sample("m", dist.Normal()), 1.0), obs=y)

    def family(k):
        return sl.Triple.from_numpyro(model, POINTS if k == 1 else POINTS[::-1] + 1.0)

    with pytest.raises(ValueError, match="K = 2 has other observations than K = 1"):
        select(family, [1, 2])


def test_a_bic_that_stands_at_no_maximum_or_below_a_spike_says_so(locations) -> None:
    assert "maximum of the likelihood" not in str(locations) and "not read" not in str(locations)
    assert "all but forbids" not in str(locations)
    first, *others = locations.candidates
    marked = replace(locations, candidates=(replace(first, is_likelihood_maximum=False), *others))
    assert (
        "K = 1: BIC stands at the lowest energy met, for no maximum of the likelihood was reached"
        in str(marked)
    )
    unread = replace(
        locations,
        candidates=(replace(first, learning_coefficient=None, not_read="n is 2"), *others),
    )
    assert "K = 1: λ̂ is not read: n is 2" in str(unread)
    spiked = replace(locations, candidates=(*others, replace(first, spike_height=12.4)))
    assert "all but forbids" in str(spiked) and "by 12.4 nats (K = 1)" in str(spiked)
