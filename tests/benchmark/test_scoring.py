"""Samplers are held to the truth: what is counted, what is kept, what a crash leaves."""

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import singlearn as sl
from singlearn.benchmark import ClaimedNumber, Outcome, load, score
from singlearn.benchmark.comparison import comparisons, mean_with_error
from singlearn.benchmark.stored import stored_scores
from singlearn.results import Caution, Reason

CLAIMED = 0.1


def noisy(problem, budget, seed):
    """As right as it says."""
    F = problem.known_value("free_energy").value
    off = CLAIMED * np.random.default_rng([seed, len(problem.name)]).normal()
    return Outcome(-(F + off), CLAIMED, likelihood_evaluations=budget)


def boastful(problem, budget, seed):
    """Off by ten claimed errors; on one problem it says that something is wrong."""
    F = problem.known_value("free_energy").value
    doubt = (Caution(Reason.POOR_MIXING, "made up"),) if problem.name == "binomial" else ()
    return Outcome(-F - 10 * CLAIMED, CLAIMED, cautions=doubt)


def broken(problem, budget, seed):
    if seed == 1:
        raise RuntimeError("no idea")
    return noisy(problem, budget, seed)


def test_a_sampler_that_is_as_right_as_it_says_is_calibrated():
    scores = score(noisy, ["binomial", "poisson"], 7, seeds=200, progress=False)
    found = scores.calibration("noisy")
    assert found.compared == 400 and 0.92 < found.share < 0.98 and found.far_off == 0
    assert found.median_error == pytest.approx(0.6745 * CLAIMED, rel=0.15)
    assert scores.rows()[0]["likelihoods"] == 7 and scores.cautions == ()


def test_errors_that_no_caution_announced_are_counted_and_named():
    scores = score(boastful, ["binomial", "poisson"], seeds=3, progress=False)
    assert scores.calibration("boastful").share == 0.0
    assert {trial.problem for trial, _ in scores.far_off("boastful")} == {"poisson"}
    (caution,) = scores.cautions
    assert "3 numbers" in caution.message and "poisson" in caution.message


def test_a_crash_is_a_row_and_not_a_lost_run(tmp_path):
    scores = score(broken, ["binomial"], seeds=3, folder=tmp_path / "runs", progress=False)
    assert [trial.failure for trial in scores.trials] == [None, "RuntimeError: no idea", None]
    assert scores.rows()[0]["failed"] == 1
    assert scores.cautions[0].reason is Reason.NO_ANSWER
    assert stored_scores([tmp_path / "runs"]).trials == scores.trials


def test_what_is_no_outcome_is_a_failure():
    (trial,) = score(lambda *_: 3.0, ["binomial"], seeds=1, progress=False).trials
    assert "not an Outcome" in trial.failure


def test_runs_are_kept_and_not_run_again(tmp_path):
    calls = []

    def counting(problem, budget, seed):
        calls.append(seed)
        return noisy(problem, budget, seed)

    folder = tmp_path / "runs"
    first = score(counting, ["binomial"], 5, seeds=2, name="s", folder=folder, progress=False)
    again = score(counting, ["binomial"], 5, seeds=3, name="s", folder=folder, progress=False)
    assert calls == [0, 1, 2] and again.trials[:2] == first.trials
    with pytest.raises(ValueError, match="another sampler or another budget"):
        score(counting, ["binomial"], 6, seeds=1, name="s", folder=folder, progress=False)
    path = folder / "binomial-seed-0.json"
    path.write_text(path.read_text().replace("binomial", "poisson"))
    with pytest.raises(ValueError, match="changed after"):
        stored_scores([folder])


def test_an_executor_does_the_same():
    with ThreadPoolExecutor(2) as pool:
        spread = score(broken, ["binomial", "poisson"], seeds=2, executor=pool, progress=False)
    alone = score(broken, ["binomial", "poisson"], seeds=2, progress=False)
    assert [t.comparisons for t in spread.trials] == [t.comparisons for t in alone.trials]
    assert [t.failure for t in spread.trials] == [t.failure for t in alone.trials]


def test_moments_and_shares_of_draws_are_compared():
    problem = load("needle-1")
    share = problem.known_value("phase_share", 1.0, "needle").value
    generator = np.random.default_rng(0)
    inside = generator.uniform(size=(4, 500)) < share
    x = np.where(inside, 4.0, -1.0)[..., None]
    found = comparisons(problem, Outcome(draws={"x": x}, draws_are="independent"))
    (phase,) = [c for c in found if c.quantity == "phase_share"]
    assert phase.value == pytest.approx(inside.mean()) and phase.in_claimed_errors < 4
    assert phase.claimed_error == pytest.approx(inside.std() / math.sqrt(inside.size))


def test_errors_of_means():
    x = np.random.default_rng(0).normal(size=(4, 400))
    chain = np.stack([np.convolve(row, np.ones(8) / 8, "same") for row in x])
    assert mean_with_error(chain, "chains")[1] > 2 * mean_with_error(chain, "independent")[1]
    apart = x + np.arange(4)[:, None]
    assert mean_with_error(apart, "replicates")[1] > 0.5
    with pytest.raises(ValueError, match="kind"):
        mean_with_error(x, "guess")


@pytest.mark.slow
def test_our_engine_on_two_problems():
    scores = score(
        sl.benchmark.adapter("temper"), ["polynomial-w4", "binomial"], 128, seeds=1, progress=False
    )
    for trial in scores.trials:
        assert trial.failure is None and trial.gradient_evaluations > trial.likelihood_evaluations
        kinds = {c.quantity for c in trial.comparisons}
        assert {"free_energy", "energy", "heat_capacity"} <= kinds
        assert all(c.in_claimed_errors < 4 for c in trial.comparisons)
        assert trial.evidence().claimed_error < 0.5
    figure = scores.plot()
    assert len(figure.axes) == 2 and "claimed" in figure.axes[1].get_xlabel()
    json.dumps(scores.to_dict())


def test_local_coefficients_are_compared():
    problem = load("reduced-rank-2-1-2-rank-1")
    value = 1.5
    outcome = Outcome(readings=(ClaimedNumber("local_learning_coefficient", 1.0, value, 0.1),))
    (found,) = comparisons(problem, outcome)
    assert found.truth == 1.5 and found.error == 0.0
