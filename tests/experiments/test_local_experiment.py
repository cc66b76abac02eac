"""The worked example: training rests where it should, and the experiment reports what was measured,
resumed rather than repeated.
"""

from __future__ import annotations

import json
import math

import numpy as np
import torch

from singlearn.experiments import REGISTRY
from singlearn.experiments.own import local_through_training
from singlearn.local import Status, TrajectoryPoint

torch.set_num_threads(1)


def test_training_rests_at_four_features_and_ends_with_five() -> None:
    weights, x, model, loss = local_through_training.train(0)
    assert x.shape == (300, 6) and bool(((x > 0).sum(1) == 1).all())
    rows, losses = {}, {}
    for step in (0, 150, 200, 1000, 2000):
        model.load_state_dict(weights[step])
        losses[step] = float(loss(model(x), x).mean().detach())
        rows[step] = int((np.linalg.norm(weights[step]["weight"].numpy(), axis=0) > 0.7).sum())
    assert rows == {0: 0, 150: 4, 200: 4, 1000: 5, 2000: 5}
    assert abs(losses[200] / losses[150] - 1) < 0.01 and losses[1000] < 0.7 * losses[200]
    # A regular polygon of five: all lengths alike, neighbours at 72 degrees.
    w = weights[2000]["weight"].numpy()
    length = np.linalg.norm(w, axis=0)
    angles = np.sort(np.arctan2(w[1], w[0])[length > 0.7])
    np.testing.assert_allclose(np.diff(angles), 2 * math.pi / 5, atol=0.12)


def test_the_experiment_reads_its_folder(tmp_path, monkeypatch) -> None:
    def measured(checkpoints, model, loss, data, **settings):
        points = [
            TrajectoryPoint(
                float(step),
                f"step {step}",
                math.nan if step > 1500 else 1.0,
                0.1,
                Status.DIVERGED if step > 1500 else Status.CONVERGED,
                0.5,
                0.0,
                1.0,
                100.0,
                1000,
                9.0,
                300,
                52.6,
                "",
                (),
            )
            for step in checkpoints
        ]
        assert (
            settings["folder"] == tmp_path / "local-through-training" / "quick-0"
            and settings["gamma"] == 100
        )
        return local_through_training.Trajectory(tuple(points), (), 100.0)

    monkeypatch.setattr(local_through_training, "trajectory", measured)
    result = REGISTRY["local-through-training"].run(True, 0, tmp_path, False)
    assert [row["features represented"] for row in result.rows][-1] == 5 and result.rows[-1][
        "λ̂"
    ] is None
    assert "withheld" in result.text and any(
        "diverged at step 2000" in w["message"] for w in result.doubts
    )
    assert result.figures[0].stat().st_size > 20_000
    json.dumps(result.to_dict(), allow_nan=False)
