"""Symmetries through training: roles up to a tolerance, births and deaths, order of checkpoints,
folders, and their experiments.

Every network here was built to have the symmetry that is looked for; sources of numbers are in the
docstrings.
"""

import json

import numpy as np
import pytest

from singlearn.cli.main import main
from singlearn.symmetry import DeepReLU

torch = pytest.importorskip("torch")
from singlearn.flow import NodeRole, Timeline, TimelinePoint, roles_on_data, timeline  # noqa: E402
from singlearn.flow.timeline_agreement import agreement, steep  # noqa: E402
from singlearn.flow.timeline_roles import boundaries  # noqa: E402
from singlearn.flow.timeline_steps import in_order_of_steps  # noqa: E402

LINE = np.linspace(-1, 1, 41)[:, None]


def roles(w, b, q, x=LINE, tolerance=1e-3):
    net = DeepReLU(
        [np.reshape(w, (len(b), -1)), np.reshape(q, (-1, len(b)))],
        [np.array(b), np.zeros(np.reshape(q, (-1, len(b))).shape[0])],
    )
    return roles_on_data(net, x, tolerance)


def names(nodes):
    return [str(node.role) for node in nodes]


@pytest.mark.parametrize(
    ("w", "b", "q", "said"),
    [
        ([1.0, 1.0], [0.1, -2.0], [1.0, 9.0], ["live", "dead"]),
        ([1.0, 1.0], [0.1, 0.5], [1.0, 1e-4], ["live", "silent"]),
        ([1.0, 1e-5], [0.1, 1.0], [1.0, 1.0], ["live", "constant"]),
        ([1.0, -1.0], [0.1, 1.0], [1.0, 1.0], ["live", "bypassed"]),
        ([1.0, -1.0], [0.1, 0.9999], [1.0, 1.0], ["live", "bypassed"]),
        ([1.0, -2.0], [0.1, 1.8], [1.0, 1.0], ["live", "live"]),
        ([1.0, -1.0], [0.1, 0.9], [1.0, 1.0], ["annihilating", "annihilating"]),
        ([1.0, 3.0], [0.1, 0.3], [1.0, 2.0], ["duplicate", "duplicate"]),
        ([1.0, 3.0], [0.1, 0.3001], [1.0, 2.0], ["duplicate", "duplicate"]),
        ([1.0, -3.0], [0.1, -0.3], [1.0, 2.0], ["shared boundary", "shared boundary"]),
        (
            [1.0, 2.0, -1.0],
            [0.1, 0.2, -0.1],
            [1.0, 1.0, 1.0],
            ["duplicate", "duplicate", "shared boundary"],
        ),
        ([1.0, -1.0], [0.1, -0.1], [1.0, -1.0], ["cancelling", "cancelling"]),
        ([1.0, 2.0], [0.1, 0.2], [1.0, -0.5], ["cancelling", "cancelling"]),
        ([1.0, 2.0], [0.1, -0.6], [1.0, -0.5], ["annihilating", "annihilating"]),
        ([1.0, 2.0], [0.1, -0.6], [1.0, -0.7], ["live", "live"]),
    ],
)
def test_roles_of_nodes_that_were_built(w, b, q, said):
    assert names(roles(w, b, q)) == said


def test_roles_do_not_change_where_nodes_are_scaled_and_permuted():
    """(a w, a b, q / a) is the same function."""
    w, b, q = (
        np.array([1.0, 3.0, -1.0, 1.0]),
        np.array([0.1, 0.3, 0.9, -2.0]),
        np.array([1.0, 2.0, 1.0, 1.0]),
    )
    a, order = np.array([1e-4, 1e3, 7.0, 1e-2]), [2, 0, 3, 1]
    plain, scaled = roles(w, b, q), roles((a * w)[order], (a * b)[order], (q / a)[order])
    assert [names(plain)[k] for k in order] == names(scaled)
    assert scaled[1].partners == (3,)


def test_a_role_is_given_where_the_change_it_makes_is_within_the_tolerance():
    """Leaving the second node out changes the outputs by at most 0.5 · 0.6."""
    for tolerance, said in ((0.31, "silent"), (0.05, "live")):
        node = roles([1.0, 1.0], [0.1, -0.4], [1.0, 0.5], tolerance=tolerance)[1]
        assert str(node.role) == said
        assert node.change == pytest.approx(0.3)


def test_several_outputs_share_one_node_where_orientations_agree():
    """ReLU(u) (1, 0) + ReLU(2 u) (0, 1) is ReLU(u) (1, 2)."""
    assert names(roles([1.0, 2.0], [0.1, 0.2], [[1.0, 0.0], [0.0, 1.0]])) == [
        "duplicate",
        "duplicate",
    ]


def test_three_slopes_annihilate_in_the_plane():
    """The star of three unit vectors, each turned round, and none of it on a line, where three
    slopes sum to zero by chance."""
    angles = 2 * np.pi * np.arange(3) / 3
    plane = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    found = roles(np.stack([np.cos(angles), np.sin(angles)], 1), [-0.3] * 3, [1.0] * 3, plane)
    assert set(names(found)) == {"annihilating"}
    assert set(names(roles([1.0, 1.0, -2.0], [0.1, 0.3, 0.5], [1.0] * 3))) == {"live"}


def test_kinks_are_counted_by_boundary():
    found = roles(
        [1.0, 3.0, -1.0, 1.0, -1.0], [0.1, 0.3, -0.5, -0.2, 0.2], [1.0, 2.0, 1.0, 1.0, -1.0]
    )
    assert names(found) == ["duplicate", "duplicate", "live", "cancelling", "cancelling"]
    assert boundaries(found, 0) == 2


def test_layers_of_a_deep_network_are_judged_by_its_outputs():
    """A node of the second layer that is active on all inputs, and one on none."""
    net = DeepReLU(
        [[[1.0], [-2.0]], [[1.0, 1.0], [-1.0, -1.0]], [[1.0, 1.0]]],
        [[0.1, 0.3], [0.2, -5.0], [0.0]],
    )
    found = roles_on_data(net, LINE, 1e-3)
    assert [(node.name, str(node.role)) for node in found] == [
        ("0.0", "live"),
        ("0.1", "live"),
        ("1.0", "bypassed"),
        ("1.1", "dead"),
    ]


def module():
    return torch.nn.Sequential(
        torch.nn.Linear(1, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1)
    ).double()


def weights(bias, outgoing=1.0):
    return {
        "0.weight": torch.ones(2, 1),
        "0.bias": torch.tensor([0.0, bias]),
        "2.weight": torch.tensor([[1.0, outgoing]]),
        "2.bias": torch.zeros(1),
    }


X = torch.from_numpy(LINE)


def test_births_and_deaths():
    found = timeline(
        {0: weights(0.0), 5: weights(0.5), 9: weights(0.0, -1.0), 20: weights(-3.0)},
        module,
        data=(X, X),
        progress=False,
    )
    assert [str(event) for event in found.events if event.node == "0.1"] == [
        "0 to 5: node 0.1 duplicate with 0 died",
        "5 to 9: node 0.1 cancelling with 0 born",
        "9 to 20: node 0.1 cancelling with 0 died",
        "9 to 20: node 0.1 dead born",
    ]
    assert found.points[2].hidden_kinks == ((0, 0, np.inf, np.inf),)
    assert [point.kinks for point in found.points] == [(1,), (2,), (0,), (1,)]
    assert found.points[0].loss == pytest.approx(
        0.5 * float(((2 * X.clamp(min=0) - X) ** 2).mean())
    )
    assert found.points[1].rank + found.points[1].explained + found.points[1].unexplained == 7
    assert json.loads(json.dumps(found.to_dict()))["points"][2]["hidden_kinks"] == [
        [0, 0, None, None]
    ]
    for point in found.points:
        assert TimelinePoint.from_dict(json.loads(json.dumps(point.to_dict()))) == point
    assert list(found.table()["cancelling"]) == [0, 0, 2, 0]


def test_conserved_quantities_are_followed():
    """|w|² + b² - q² of both nodes."""
    found = timeline({0: weights(0.0), 5: weights(0.5)}, module, data=(X, X), progress=False)
    ((law, values),) = found.points[1].conserved.items()
    assert law == "|0.weight rows|² + |0.bias rows|² - |2.weight columns|²"
    assert values == (0.0, 0.25)
    assert found.drift() == {law: 1.0}


def test_a_folder_is_resumed_and_belongs_to_what_it_was_made_of(tmp_path, monkeypatch):
    for step, bias in ((1, 0.0), (20, 0.5)):
        torch.save(weights(bias), tmp_path / f"step_{step}.pt")
    asked = {"data": (X, X), "folder": tmp_path / "kept", "progress": False}
    first = timeline(tmp_path, module, **asked)
    assert [point.step for point in first.points] == [1, 20]
    with monkeypatch.context() as patch:
        patch.setattr(
            "singlearn.flow.timeline_of_checkpoints.roles_on_data", None
        )  # nothing is measured again
        assert timeline(tmp_path, module, **asked).points == first.points
    for other in (
        {"data": (X, 2 * X)},
        {"tolerance": 0.5},
        {"loss": lambda o, t: ((o - t) ** 2).sum(-1)},
    ):
        with pytest.raises(ValueError, match="folder: "):
            timeline(tmp_path, module, **(asked | other))
    torch.save(weights(0.7), tmp_path / "step_20.pt")
    with pytest.raises(ValueError, match="other weights"):
        timeline(tmp_path, module, **asked)


@pytest.mark.parametrize(
    ("files", "steps"),
    [
        (["step_20.pt", "step_100.pt"], [20, 100]),
        (["run3_step20.pt", "run3_step100.pt"], [20, 100]),
        (["step20_seed3.pt", "step100_seed3.pt"], [20, 100]),
        (["step20_loss0.31.pt", "step100_loss0.25.pt"], [20, 100]),
        (["epoch1_step20.pt", "epoch2_step40.pt"], [20, 40]),
        (["mnist7_step5.pt"], [5]),
    ],
)
def test_steps_are_read_off_names(files, steps):
    assert [checkpoint.step for checkpoint in in_order_of_steps(files)] == steps


@pytest.mark.parametrize(
    "files",
    [
        ["epoch1_20.pt", "epoch2_40.pt"],
        ["a3_20.pt", "b4_40.pt"],
        ["run2_30.pt"],
        ["step5_seed1.pt", "step5_seed1_b.pt"],
    ],
)
def test_names_that_are_ambiguous_are_refused(files):
    with pytest.raises(ValueError, match="checkpoints: "):
        in_order_of_steps(files)


@pytest.mark.parametrize(
    ("build", "data", "said"),
    [
        (
            torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1)),
            (X, X),
            "build: it holds Tanh",
        ),
        (
            torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Linear(2, 1)),
            (X, X),
            "build: child 1 is Linear where ReLU",
        ),
        (torch.nn.Linear(1, 1), (X, X), "build: the network has no hidden layer"),
        (lambda: 3, (X, X), "build: got int"),
        (module, (torch.cat([X, X], 1), X), "data: inputs have 2 numbers"),
        (module, (X,), "tolerance: missing"),
        (module, (X, 0 * X), "tolerance: the targets do not differ"),
        (module, (X, X, X), "data: they have 3 parts"),
    ],
)
def test_what_is_not_understood_is_refused(build, data, said):
    with pytest.raises(ValueError, match=said):
        timeline({0: weights(0.0)}, build, data=data, progress=False)


def test_null_directions_are_those_of_the_module_or_none():
    """A layer without a bias has fewer parameters than a network of weights and biases."""
    bare = torch.nn.Sequential(
        torch.nn.Linear(1, 2, bias=False), torch.nn.ReLU(), torch.nn.Linear(2, 1)
    ).double()
    found = timeline({0: bare.state_dict()}, bare, data=(X, X), progress=False)
    assert found.points[0].rank is None
    assert any("null directions: not computed" in note for note in found.notes)


def test_a_broken_checkpoint_is_named():
    with pytest.raises(ValueError, match=r"step 7: weights\[0\]: entry"):
        timeline(
            {7: weights(0.0) | {"0.weight": torch.full((2, 1), torch.nan)}},
            module,
            data=(X, X),
            progress=False,
        )


def test_no_loss_is_invented():
    """Targets of another shape have none; λ̂ then is refused."""
    y = torch.zeros(41, 3)
    found = timeline({0: weights(0.0)}, module, data=(X, y), tolerance=0.01, progress=False)
    assert found.points[0].loss is None
    with pytest.raises(ValueError, match="learning_coefficient: λ̂ needs targets and a loss"):
        timeline(
            {0: weights(0.0)},
            module,
            data=(X, y),
            tolerance=0.01,
            learning_coefficient=True,
            progress=False,
        )


def test_agreement_counts():
    """By hand: 2 × 3 of 6 intervals meet once by chance; hypergeometric: 1/5."""
    found = agreement(
        [True, True, False, False, False, False, True],
        [True, True, True, False, False, False, None],
    )
    assert (found.both, found.symmetry_only, found.quantity_only, found.neither, found.unknown) == (
        2,
        0,
        1,
        3,
        1,
    )
    assert found.by_chance == pytest.approx(1.0)
    assert found.p_value == pytest.approx(1 / 5)
    assert (found + found).both == 4
    assert steep([1.0, 1.0, 0.2, 0.1, None]) == [None] * 4
    assert steep([5.0, 5.0, 5.0]) == [False, False]


def test_the_command(tmp_path, capsys):
    for step, bias in ((1, 0.0), (20, 0.5)):
        torch.save(weights(bias), tmp_path / f"step_{step}.pt")
    file = tmp_path / "net.py"
    file.write_text(
        "import torch\n"
        "def build(): return torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU(), "
        "torch.nn.Linear(2, 1)).double()\n"
        "x = torch.linspace(-1, 1, 41, dtype=torch.float64)[:, None]\ndata = x, x\n"
    )
    asked = [
        "flow",
        "timeline",
        str(tmp_path),
        "--model",
        f"{file}:build",
        "--data",
        f"{file}:data",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["command"] == "flow timeline"
    assert [event["role"] for event in document["events"]] == ["duplicate", "duplicate"]
    assert (tmp_path / "out").is_dir()
    assert main([*asked, "--llc"]) == 2
    assert "depends on the scale of the loss" in capsys.readouterr().err


def test_exit_times_of_the_staircase():
    """Half times of Gram-Schmidt directions, beside gradient descent: theory of the linear pair, to
    1 %."""
    from singlearn.experiments.own.staircase import both_signs, train

    values = (2.5, 1.2, 0.7)
    training = train(values, 0)
    assert training.measured == pytest.approx(training.predicted, rel=0.01)
    for rank in range(4):
        at = training.plateau(rank)
        assert training.loss[at] == pytest.approx(0.5 * sum(s**2 for s in values[rank:]), abs=0.02)
        low, high, down = both_signs(training, rank, values, 0)
        assert down == (3 - rank) ** 2
        assert (low < 0) == (rank < 3)
        assert high > 0


def test_exit_times_of_the_deep_staircase():
    """Half times of aligned balanced factors, by quadrature, beside gradient descent, to 0.2 %; and
    the plateaus of the loss."""
    from singlearn.experiments.own.deep_staircase import train

    values = (2.5, 1.2)
    training = train(values, 0.02, 0)
    assert training.measured == pytest.approx(training.predicted, rel=0.002)
    for rank in range(3):
        at = training.plateau(rank)
        plateau = 0.5 * sum(s**2 for s in values[rank:])
        assert training.loss[at] == pytest.approx(plateau, abs=1e-3)


def test_an_agreement_within_a_large_error_counts_for_nothing():
    from types import SimpleNamespace

    from singlearn.exact.catalogue import deep_linear
    from singlearn.experiments.own.deep_staircase import train
    from singlearn.experiments.own.staircase_cells import plateau_row

    values = (2.5, 1.2)
    training, exact = train(values, 0.05, 0), deep_linear([2, 2, 2, 2], 2)  # λ = 2

    def agrees(value, error):
        own = SimpleNamespace(value=value, standard_error=error, status="drifting")
        return plateau_row(training, values, 2, own, exact)["within 5 % or 2 s.e."]

    assert agrees(2.05, 0.01) and agrees(2.3, 0.16)
    assert not agrees(2.3, 0.01)
    assert not agrees(426_000.0, 426_000.0) and not agrees(2.0, 0.3)


def test_kinks_from_small_weights_come_one_by_one():
    """Two-layer ReLU, truth of two kinks: the first numbers of kinks that are passed."""
    from singlearn.experiments.own import condensation

    x, y = condensation.data(0)
    kept = condensation.train(
        x, y, condensation.SMALL, 0, [0, 100, 300, 400, 450, 700, 1000, 1200, 2000]
    )
    found = timeline(kept, condensation.module, data=(x, y), loss=condensation.loss, progress=False)
    assert isinstance(found, Timeline)
    assert condensation.kink_steps(found)[:3] == [0, 1, 2]
    assert NodeRole.SILENT in found.points[0].counts
    assert all(point.exact_kinks > 10 for point in found.points)
