"""λ̂ through training: checkpoints in every form, sweeps that are resumed or shared out, stages
with their errors.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest
import safetensors.torch
import torch

import singlearn as sl
from singlearn.local import Status, Trajectory, TrajectoryPoint
from singlearn.local.training import trajectory as through_training
from singlearn.local.training.checkpoints import in_order
from singlearn.local.training.straight_pieces import straight_pieces
from singlearn.plot import trajectory as picture

torch.set_num_threads(1)
X = torch.randn(60, 1, generator=torch.Generator().manual_seed(0))
DATA = (X, X + 0.5 * torch.randn(60, 1, generator=torch.Generator().manual_seed(1)))
QUICK = {"chains": 4, "max_steps": 1000, "tolerance": 0.5, "gamma": 1.0}
WEIGHTS = {
    step: {"weight": torch.tensor([[value]])} for step, value in ((2, 0.8), (10, 1.1), (100, 0.95))
}


def squared(output, target):
    return 2 * ((output - target) ** 2).sum(-1)


def layer():
    return torch.nn.Linear(1, 1, bias=False)


def sweep(checkpoints=WEIGHTS, **settings):
    return sl.local.trajectory(checkpoints, layer(), squared, DATA, **{**QUICK, **settings})


@pytest.fixture(scope="module")
def one():
    module = layer()
    module.load_state_dict(WEIGHTS[10])
    return sl.local.llc(module, squared, DATA, **QUICK)


@pytest.fixture(autouse=True)
def calls(one, monkeypatch, request):
    """Sampling replaced by something that depends on the weights, except where it is the
    subject.
    """
    seen = []

    def instead(brought, asked, watch):
        model, parameters = brought.model, brought.parameters
        loss, data = brought.loss, brought.data
        weight = (model.weight if parameters is None else parameters).item()
        seen.append((weight, asked.seed))
        if not math.isfinite(weight):
            raise ValueError("model: weight has entries that are not finite")
        x, y = getattr(data, "parts", data)
        return replace(one, value=weight, loss=float(loss(weight * x, y).mean()))

    if "real_sampling" not in request.fixturenames:
        monkeypatch.setattr(through_training, "coefficient_of", instead)
    return seen


@pytest.fixture
def real_sampling():
    pass


@pytest.fixture
def measured(calls):
    found = sweep()
    calls.clear()
    return found


def test_a_point_is_what_llc_finds(one, real_sampling) -> None:
    (point,) = sweep({10: WEIGHTS[10]}).points
    assert (point.value, point.standard_error, point.loss, point.status) == (
        one.value,
        one.standard_error,
        one.loss,
        one.status,
    )


def test_the_seed_is_the_same_everywhere_and_the_order_that_of_the_steps(calls) -> None:
    found = sweep(dict(reversed(WEIGHTS.items())), seed=5)
    assert [point.step for point in found.points] == [2, 10, 100] and {
        seed for _, seed in calls
    } == {5}
    assert [point.value for point in found.points] == pytest.approx([0.8, 1.1, 0.95])
    assert "withheld" not in str(found) and "stages of λ̂ need 6 points in a row" in str(found)
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_folder_is_read_in_natural_order_whatever_the_format(tmp_path, measured) -> None:
    torch.save(WEIGHTS[2], tmp_path / "step_2.pt")
    torch.save({"state_dict": WEIGHTS[100], "step": 100}, tmp_path / "step_100.ckpt")
    safetensors.torch.save_file(WEIGHTS[10], tmp_path / "step_10.safetensors")
    found = sweep(tmp_path)
    assert [point.value for point in found.points] == [point.value for point in measured.points]
    assert found.points[1].name == str(tmp_path / "step_10.safetensors")


def test_jax_pytrees_are_checkpoints_too(measured) -> None:
    pytrees = {step: weights["weight"].numpy() for step, weights in WEIGHTS.items()}
    data = tuple(part.numpy() for part in DATA)
    found = sl.local.trajectory(pytrees, lambda w, x: x @ w, squared, data, **QUICK)
    for own, other in zip(found.points, measured.points, strict=True):
        assert (
            own.loss == pytest.approx(other.loss, rel=1e-5)
            and own.value == other.value
            and own.weights != ""
        )


def test_a_jax_function_is_compiled_once_for_all_checkpoints(real_sampling) -> None:
    """And each checkpoint gets what it gets by itself: w* is not a constant of what is compiled."""
    traced = []

    def line(w, x):
        traced.append(isinstance(w, jax.core.Tracer))
        return x @ w

    pytrees = {step: weights["weight"].numpy() for step, weights in WEIGHTS.items()}
    data = tuple(part.numpy() for part in DATA)
    (alone,) = sl.local.trajectory({100: pytrees[100]}, line, squared, data, **QUICK).points
    once = sum(traced)
    found = sl.local.trajectory(pytrees, line, squared, data, **QUICK).points
    assert sum(traced) == 2 * once
    assert found[-1].value == alone.value and found[0].value != alone.value
    # Between sweeps what the function closes over may change: nothing is kept.
    sl.local.trajectory({100: pytrees[100]}, line, squared, data, **QUICK)
    assert sum(traced) == 3 * once


def test_checkpoints_without_an_order_are_refused(tmp_path) -> None:
    for given, sentence in (
        ({"weight": torch.ones(1)}, "the keys are 'weight'; they should be steps"),
        ([WEIGHTS[2]], "should come by step"),
        (["run3/final.pt"], "there is no step in the name of run3/final.pt"),
        (["a/step_1.pt", "b/step_1.pt"], "have the same step 1"),
        ({-1: WEIGHTS[2]}, "finite and not negative"),
        ({}, "got none"),
    ):
        with pytest.raises(ValueError, match=sentence):
            in_order(given)
    assert [
        c.step
        for c in in_order(
            ["checkpoint-200/model.pt", "checkpoint-1000/model.pt", "checkpoint-30/model.pt"]
        )
    ] == [30, 200, 1000]
    for name in (
        "run/step_0.pt",
        "run/step_100.pt",
        "run/checkpoint-300/model.pt",
        "trainer/checkpoint-7/model.pt",
        "trainer/model.pt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [c.step for c in in_order(tmp_path / "run")] == [0, 100] and [
        c.step for c in in_order(tmp_path / "trainer")
    ] == [7]
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        in_order(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"step 2: .*not finite"):
        sweep({2: {"weight": torch.tensor([[math.nan]])}})


def test_a_sweep_is_resumed_and_its_folder_guarded(tmp_path, measured, calls) -> None:
    assert [point.step for point in sweep({2: WEIGHTS[2]}, folder=tmp_path).points] == [2]
    calls.clear()
    assert sweep(folder=tmp_path) == measured and len(calls) == 2
    assert sweep(folder=tmp_path) == measured and len(calls) == 2
    with pytest.raises(ValueError, match=r"another trajectory \(gamma: 1.0 then, 2.0 now\)"):
        sweep(folder=tmp_path, gamma=2.0)
    with pytest.raises(ValueError, match="step 2 of other weights"):
        sweep({2: WEIGHTS[10]}, folder=tmp_path)


def test_ranks_of_a_torchrun_job_share_the_checkpoints(tmp_path, measured, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="a torchrun job needs one"):
        sweep()
    monkeypatch.setenv("RANK", "1")
    second = sweep(folder=tmp_path)
    assert (
        [point.step for point in second.points] == [10]
        and second.missing == (2, 100)
        and "not measured yet" in str(second)
    )
    monkeypatch.setenv("RANK", "0")
    assert sweep(folder=tmp_path) == measured


class Pickling:
    """A client whose workers are other processes as far as pickling goes."""

    def submit(self, function, *values, pure):
        return pickle.loads(pickle.dumps(function))(
            *(pickle.loads(pickle.dumps(value)) for value in values)
        )

    def gather(self, futures):
        return [pickle.loads(pickle.dumps(future)) for future in futures]


JOB = """
import sys, torch, singlearn as sl
torch.set_num_threads(1)
x = torch.randn(60, 1, generator=torch.Generator().manual_seed(0))
def loss(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)
weights = {step: {"weight": torch.full((1, 1), 0.8 + step / 10)} for step in (1, 2, 3)}
quick = dict(chains=4, max_steps=1000, tolerance=0.5)
layer = torch.nn.Linear(1, 1, bias=False)
found = sl.local.trajectory(weights, layer, loss, (x, x), folder=sys.argv[1], **quick)
print("finished", len(found.points), "missing", len(found.missing))
"""


def test_a_torchrun_job_of_two_processes_measures_every_checkpoint_once(tmp_path) -> None:
    script, folder = tmp_path / "job.py", tmp_path / "points"
    script.write_text(JOB)
    job = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
        str(folder),
    ]
    done = subprocess.run(job, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    # Each takes its share; the last to end has seen all of it.
    assert "finished 3 missing 0" in done.stdout
    steps = {path.stem: json.loads(path.read_text()) for path in folder.glob("step_*.json")}
    assert sorted(point["step"] for point in steps.values()) == [1.0, 2.0, 3.0]
    assert all(0.1 < point["value"] < 0.5 for point in steps.values())


SECOND_DEVICE = """
import jax, jax.numpy as jnp
from singlearn.local.training import trajectory as through_training
def instead(brought, *_):
    print([device.id for device in jax.jit(brought.model)(brought.parameters, 1.0).devices()])
    raise SystemExit
through_training.coefficient_of = instead
data = jnp.ones((9, 1)), jnp.ones((9, 1))
through_training.trajectory({1: jnp.ones(1)}, lambda w, x: x * w, None, data, gamma=1.0)
"""


def test_a_process_of_a_torchrun_job_computes_on_its_own_device_in_jax_too() -> None:
    environment = {
        **os.environ,
        "LOCAL_RANK": "1",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    done = subprocess.run(
        [sys.executable, "-c", SECOND_DEVICE],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[1]"


def test_a_client_measures_the_same(tmp_path, measured) -> None:
    assert sweep(client=Pickling(), folder=tmp_path) == measured
    assert len(list(tmp_path.glob("step_*.json"))) == 3


# ---- stages


def curve(seed, shape, size=0.1):
    steps = np.geomspace(1, 1e4, 18)
    x = np.log(steps)
    return (
        steps,
        shape(x) + size * np.random.default_rng(seed).normal(size=len(x)),
        np.full(len(x), size),
    )


def test_a_straight_line_has_no_stages_and_a_bend_has_one_where_it_is() -> None:
    for seed in range(2):
        assert straight_pieces(*curve(seed, lambda x: 0.3 * x)).breakpoints == ()
        (point,) = straight_pieces(*curve(seed, lambda x: np.maximum(x, math.log(100)))).breakpoints
        spread = math.log(point.high / point.step)
        assert abs(math.log(point.step / 100)) < 3 * spread < 1.0
        for slope, true in ((point.slope_before, 0.0), (point.slope_after, 1.0)):
            assert abs(slope.value - true) < 4 * slope.standard_error < 0.5


def test_an_exact_curve_and_one_whose_errors_hide_the_bend() -> None:
    steps, values, _ = curve(0, lambda x: np.clip(x, 3.0, 6.0) * 2, 0.0)
    first, second = straight_pieces(steps, values, np.zeros(len(steps))).breakpoints
    assert math.log(first.step) == pytest.approx(3.0, abs=0.05) and math.log(
        second.step
    ) == pytest.approx(6.0, abs=0.05)
    assert first.slope_after.value == pytest.approx(2.0, abs=0.02)
    hidden = straight_pieces(*curve(1, lambda x: 0.1 * np.maximum(x, 5.0), 0.5))
    assert hidden.breakpoints == () and 0 < hidden.undecided < 0.95


def test_withheld_values_stay_withheld(tmp_path, measured) -> None:
    model = measured.points[0]
    steps, values, errors = curve(0, lambda x: np.maximum(x, math.log(100)))
    points = [
        replace(
            model,
            step=float(step),
            value=float(value),
            standard_error=float(error),
            status=Status.CONVERGED,
            loss=float(-value),
        )
        for step, value, error in zip(steps, values, errors, strict=True)
    ]
    good = Trajectory(tuple(points), (), 1.0)
    spoilt = [
        replace(p, value=math.nan, status=Status.DIVERGED) if i == 2 else p
        for i, p in enumerate(points)
    ]
    spoilt = [
        replace(p, value=99.0, status=Status.DRIFTING) if i == 16 else p
        for i, p in enumerate(spoilt)
    ]
    found = Trajectory((replace(model, step=0.0), *spoilt), (), 1.0)
    assert (
        "withheld" in str(found)
        and "diverged at step" in str(found)
        and "drifting at step" in str(found)
    )
    assert found.to_dict()["points"][3]["value"] is None
    (pieces,) = found.learning_coefficient_stages
    # One stretch of points with a verdict, between the two without.
    assert (
        pieces.steps == tuple(float(step) for step in steps[3:16])
        and max(pieces.fitted) < 20
        and len(pieces.breakpoints) == 1
    )
    assert len(good.loss_stages.breakpoints) == 1
    assert [
        TrajectoryPoint.from_dict(json.loads(json.dumps(p.to_dict()))) for p in good.points
    ] == list(good.points)
    picture(found).savefig(tmp_path / "trajectory.png", dpi=80)
    assert (tmp_path / "trajectory.png").stat().st_size > 20_000
