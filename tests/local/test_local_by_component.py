"""λ̂ part by part: the same numbers as runs of their own, wherever they are computed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import singlearn as sl

torch.set_num_threads(1)
X = torch.randn(80, 2, generator=torch.Generator().manual_seed(0))
NET = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
with torch.no_grad():
    for number, parameter in enumerate(NET.parameters()):
        parameter.copy_(torch.linspace(-1, 1 + number / 3, parameter.numel()).view_as(parameter))
QUICK = dict(chains=4, max_steps=1000, tolerance=0.5, progress=False)
PARTS = ["0.*", "2.*", "0.bias + 2.bias"]


def squared(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


CALL = (NET, squared, (X, NET(X).detach()), PARTS)


@pytest.fixture(scope="module")
def found():
    return sl.local.llc_by_component(*CALL, gamma=2.0, **QUICK)


@pytest.mark.slow
def test_a_sweep_is_runs_of_their_own(found) -> None:
    assert found.table().index.tolist() == PARTS and not found.missing
    for part in PARTS:
        alone = sl.local.llc(*CALL[:3], only=part, gamma=2.0, **QUICK)
        assert found[part].value == alone.value and found[part].status == alone.status
        assert found[part].variance_reading == alone.variance_reading
    assert found["0.*"].half_dimension == 3 and found["0.bias + 2.bias"].half_dimension == 1.5
    assert len(str(found)) < 2000 and found.to_dict()["components"][0]["name"] == "0.*"


def test_shares_of_a_job_array_and_an_executor_make_the_same(found, tmp_path) -> None:
    settings = QUICK | dict(gamma=2.0, folder=tmp_path / "sweep")
    first = sl.local.llc_by_component(*CALL, shard="1/2", **settings)
    assert first.missing == ("2.*",) and len(first.components) == 2
    with ThreadPoolExecutor(2) as pool:
        whole = sl.local.llc_by_component(*CALL, client=pool, **settings)
    assert not whole.missing
    assert [own.value for own in whole.components] == [own.value for own in found.components]
    with pytest.raises(ValueError, match=r"folder: .* belongs to another sweep over components"):
        sl.local.llc_by_component(*CALL, **settings | {"seed": 1})
    with pytest.raises(ValueError, match="folder: shares of a sweep need one"):
        sl.local.llc_by_component(*CALL, shard="1/2")


@pytest.mark.slow
def test_one_gamma_is_chosen_for_all() -> None:
    found = sl.local.llc_by_component(*CALL[:3], ["0.bias", "2.bias"], **QUICK)
    assert found.gamma_chosen and "chosen once" in str(found)
    alone = sl.local.llc(*CALL[:3], only="0.bias", gamma=found.gamma, **QUICK)
    assert found["0.bias"].value == alone.value


def test_components_are_refused_by_name() -> None:
    for wrong, words in (
        ([], "components: got none"),
        (["0.*", "0.*"], "components: '0.*' is there twice"),
        (["l0h1"], "component l0h1: only: 'l0h1' is a part of a transformer"),
    ):
        with pytest.raises(ValueError, match=words.replace("*", r"\*")):
            sl.local.llc_by_component(*CALL[:3], wrong, gamma=1.0, **QUICK)


@pytest.mark.slow
def test_a_trajectory_takes_shares_and_executors(tmp_path) -> None:
    checkpoints = {1: NET.state_dict(), 2: {k: 0.9 * v for k, v in NET.state_dict().items()}}
    settings = QUICK | dict(gamma=2.0, only="2.*")
    here = sl.local.trajectory(checkpoints, *CALL[:3], **settings)
    with ThreadPoolExecutor(2) as pool:
        there = sl.local.trajectory(checkpoints, *CALL[:3], client=pool, **settings)
    assert [p.value for p in here.points] == [p.value for p in there.points]
    half = sl.local.trajectory(
        checkpoints, *CALL[:3], shard="2/2", folder=tmp_path / "t", **settings
    )
    assert [p.step for p in half.points] == [2.0] and half.missing == (1.0,)
    with pytest.raises(ValueError, match="shard: shares of a sweep need a folder"):
        sl.local.trajectory(checkpoints, *CALL[:3], shard="1/2", **settings)
