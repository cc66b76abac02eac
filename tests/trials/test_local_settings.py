"""One settings object: every verb of ``sl.local`` and ``singlearn llc`` refuse the same arguments
with the same words.

Right: llc's own refusals (a promise of the documentation), by the name of the argument, before
anything is sampled or written.
"""

from __future__ import annotations

import inspect
import json
import math

import numpy as np
import pytest
import torch

import singlearn as sl
from singlearn.cli import main
from singlearn.local.chains import Chains
from singlearn.local.llc import one_tie
from singlearn.local.names import AUTO, choose, tie_scales
from singlearn.local.sampling import expected_time
from singlearn.local.sampling.expected_time import ExpectedTime, in_words, watched
from singlearn.local.target import Tempering
from singlearn.local.training import trajectory as through_training

torch.set_num_threads(1)
X = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
Y = X @ torch.ones(2, 1)
STATE = {"weight": torch.ones(1, 2)}


def half(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def layer():
    module = torch.nn.Linear(2, 1, bias=False)
    module.load_state_dict(STATE)
    return module


def as_users_call(function):
    """Without the type checker of the tests, which no user has."""
    return inspect.unwrap(function)


REFUSED = [
    (
        dict(gamma=-1.0),
        'gamma: got -1.0; it should be a positive number, "auto", or such numbers by name',
    ),
    (dict(gamma=math.nan), "gamma: got nan; it should be a positive number"),
    (dict(gamma="soft"), "gamma: got 'soft'; it should be a positive number"),
    (dict(gamma={}), "gamma: got no name"),
    (dict(nbeta=-5.0), "nbeta: got -5.0; it should be a positive number"),
    (dict(nbeta=math.inf), "nbeta: got inf"),
    (dict(chains=3), "chains: got 3; it should be a whole number, at least 4"),
    (dict(chains=4.5), "chains: got 4.5; it should be a whole number"),
    (dict(max_steps=50), "max_steps: got 50; it should be a whole number, at least 1000"),
    (dict(batch_size=0), "batch_size: got 0; it should be a whole number, at least 1"),
    (dict(batch_size=128, largest_batch=64), "batch_size: got 128 and largest_batch 64"),
    (dict(tolerance=0), "tolerance: got 0; it should be a positive number"),
    (dict(tolerance="2%"), "tolerance: got '2%'"),
    (dict(seed=-1), "seed: got -1; it should be a whole number, from 0 to"),
    (dict(seed=None), "seed: got None"),
    (dict(seed=2**63), "seed: got 9223372036854775808"),
]


@pytest.mark.parametrize(("bad", "words"), REFUSED, ids=[str(bad) for bad, _ in REFUSED])
def test_every_verb_refuses_the_same_with_the_same_words(bad, words, tmp_path, capsys) -> None:
    folder = tmp_path / "sweep"
    said = []
    for call in (
        lambda: as_users_call(sl.local.llc)(layer(), half, (X, Y), **bad),
        lambda: as_users_call(sl.local.loss_chains)(layer(), half, (X, Y), **bad),
        lambda: as_users_call(sl.local.trajectory)(
            {1: STATE}, layer(), half, (X, Y), folder=folder, **bad
        ),
    ):
        with pytest.raises(ValueError) as refusal:
            call()
        said.append(str(refusal.value))
    assert len(set(said)) == 1 and said[0].startswith(words)
    assert not folder.exists()
    (name, value), *others = bad.items()
    if name in ("gamma", "chains", "max_steps") and not others and not isinstance(value, dict):
        given = ["--model", "a.py:b", "--data", "a.py:c", f"--{name.replace('_', '-')}={value}"]
        assert main(["llc", "net.pt", *given]) == 2
        assert said[0] in capsys.readouterr().err


def test_samplers_are_two_and_no_other_word_is_one() -> None:
    for verb in (
        as_users_call(sl.local.llc),
        lambda *given, **more: as_users_call(sl.local.trajectory)({1: STATE}, *given, **more),
    ):
        with pytest.raises(
            ValueError, match=r'sampler: got \'SGLD\'; it should be "auto", "sgld" or "hmc"'
        ):
            verb(layer(), half, (X, Y), sampler="SGLD")


def test_numbers_of_numpy_are_numbers() -> None:
    asked = Chains(
        gamma=np.float32(2),
        nbeta=np.array(3.0),
        chains=np.int64(8),
        batch_size=64.0,
        largest_batch=4096,
        tolerance=1,
        max_steps=1e4,
        seed=7.0,
    )
    assert (
        asked.gamma,
        asked.nbeta,
        asked.chains,
        asked.batch_size,
        asked.max_steps,
        asked.seed,
    ) == (
        2.0,
        3.0,
        8,
        64,
        10_000,
        7,
    )
    json.dumps(vars(asked))
    with pytest.raises(ValueError, match="batch_size: got 65, but there are only 40 samples"):
        Chains(
            gamma=1,
            nbeta=None,
            chains=4,
            batch_size=65,
            largest_batch=65,
            tolerance=1,
            max_steps=1000,
            seed=0,
        ).of_samples(40)


def test_ties_that_tie_nothing_are_refused() -> None:
    """A pattern without a parameter is a slip; one that another stands before never counts.
    Patterns of parameters that stay are right.
    """
    masks = {"a.w": np.ones(2, bool)}
    known = ["a.w", "b.w"]
    for gamma, words in (
        ({"c.*": 1.0, "*": 2.0}, r"gamma: 'c\.\*' matches no parameter; there are a\.w, b\.w"),
        (
            {"*": 2.0, "a.*": 1.0},
            r"gamma: 'a\.\*' never counts, because '\*' stands before it and matches a\.w too",
        ),
        ({"*": "stiff"}, "gamma: for a.w it is 'stiff'; it should be a positive number"),
        ({"*": 0.0}, "gamma: for a.w it has entries that are not positive"),
        ({"b.*": 1.0}, "gamma: no pattern of b.. matches the parameter a.w"),
    ):
        with pytest.raises(ValueError, match=words):
            tie_scales(masks, gamma, known)
    assert tie_scales(masks, {"b.*": 3.0, "a.*": 4.0}, known)[1]["a.w"].tolist() == [0.5, 0.5]
    for only, words in (
        ({"a.w": np.array([0, 2])}, "not all 0 or 1"),
        ([3], "only: got 3 among the patterns"),
    ):
        with pytest.raises(ValueError, match=words):
            as_users_call(choose)({"a.w": (2,)}, only)


def test_one_gamma_is_taken_for_a_sweep() -> None:
    given = Chains(
        gamma=3.0,
        nbeta=None,
        chains=4,
        batch_size=64,
        largest_batch=64,
        tolerance=1,
        max_steps=1000,
        seed=0,
    )
    assert one_tie(given, lambda tie: pytest.fail("nothing is to be chosen")) is given
    assert (
        given.tempering(100, 4.0) == Tempering(100 / math.log(100), 4.0)
        and given.tied(5.0).gamma == 5.0
    )


def test_a_trajectory_chooses_gamma_once_and_says_where(monkeypatch) -> None:
    """At the last checkpoint; all points get the number."""
    seen = []

    def instead(brought, asked, watch):
        seen.append(asked.gamma)
        raise ValueError("enough")

    monkeypatch.setattr(through_training, "coefficient_of", instead)
    with pytest.raises(ValueError, match="step 1: enough"):
        sl.local.trajectory({1: STATE, 7: STATE}, layer(), half, (X, Y), gamma=AUTO, progress=False)
    assert len(seen) == 1 and seen[0] != AUTO
    shown = sl.local.Trajectory((), (), 10.0, 7.0)
    assert shown.to_dict()["gamma_chosen_at"] == 7.0


def test_a_long_run_is_announced_once_and_a_short_one_not(capsys, monkeypatch) -> None:
    clock = iter([0.0, 1.0, 2.5, 3.0])
    monkeypatch.setattr(expected_time.time, "monotonic", lambda: next(clock))
    long = ExpectedTime("llc")
    for done in (300, 500, 800, 900):  # 2.5 s for 500 steps
        long.report(done, 100_000, 1.0)
    line = capsys.readouterr().err
    assert (
        line.startswith(
            "llc: about 8.3 minutes at most (100000 steps of each chain, the bound max_steps); "
        )
        and line.count("\n") == 1
    )
    assert "Shorter: a larger gamma" in line and "max_steps (the status" in line
    clock = iter([0.0, 3.0])
    ExpectedTime("llc").report(300, 2000, 1.0)
    assert in_words(42.3) == "42 s" and capsys.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "most"), [(3.0, 1000), (0.03, 100_000)])
def test_heavy_steps_are_timed_before_the_first_report(capsys, monkeypatch, seconds, most) -> None:
    ticks = iter(seconds * np.arange(30))
    monkeypatch.setattr(expected_time.time, "monotonic", lambda: next(ticks))

    class Heavy:
        def attempt(self, *_):
            return "trial"

    heavy = Heavy()
    target = as_users_call(ExpectedTime.clocked)(ExpectedTime("llc"), heavy, most)
    assert (
        [target.attempt(0) for _ in range(6)] == ["trial"] * 6
        and target is heavy
        and not vars(heavy)
    )
    assert capsys.readouterr().err.startswith(
        "llc: about 17 minutes at most"
    )  # a third of a judged step, times steps


def test_progress_is_a_function_or_a_truth_value(capsys) -> None:
    with (
        pytest.raises(
            ValueError, match="progress: got 'bar'; it should be True, False, or a function"
        ),
        watched("bar", "llc"),
    ):
        pass
    with watched(False, "llc") as (report, clocked):
        assert report is None and as_users_call(clocked)(3, 4) == 3
    with watched(print, "llc") as (report, _):
        assert report is print
    with pytest.raises(ValueError, match="progress: got 3"):
        as_users_call(sl.local.trajectory)({1: STATE}, layer(), half, (X, Y), progress=3)
