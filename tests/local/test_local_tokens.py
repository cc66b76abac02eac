"""Losses by token of a linear regression in which a sample is two rows: every covariance is known,
whether losses stay in memory or go to a folder that was interrupted.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import singlearn as sl
from singlearn.local.tokens import loss_of_samples
from singlearn.results.caution import Reason

torch.set_num_threads(1)
N, T, SCALE, GAMMA, NBETA = 16, 2, 4.0, 2.0, 12.0
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, T, 2)) * [1.0, 0.5]
Y = X @ np.array([1.0, -1.0]) + 0.5 * RNG.normal(size=(N, T))
ROWS, AIMS = X.reshape(-1, 2), Y.reshape(-1)
W = np.linalg.lstsq(ROWS, AIMS, rcond=None)[0]
QUICK = dict(gamma=GAMMA, nbeta=NBETA, chains=8, max_steps=1000, progress=False)


def of_tokens(output, target):
    return 0.5 * SCALE * (output[..., 0] - target) ** 2


def linear(slopes=W):
    model = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.as_tensor(slopes[None]))
    return model


def data():
    return torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(Y, dtype=torch.float32)


def exact():
    """Cov(ℓ_r, ℓ_s) of two rows: SCALE² (r_r r_s S_rs + S_rs²/2) with S = x Σ xᵀ (Isserlis)."""
    spread = np.linalg.inv(NBETA * SCALE * ROWS.T @ ROWS / (N * T) + GAMMA * np.eye(2))
    s, residual = ROWS @ spread @ ROWS.T, AIMS - ROWS @ W
    return SCALE**2 * (np.outer(residual, residual) * s + 0.5 * s**2)


class StoppedError(Exception):
    """Somebody pulled the plug."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("losses") / "losses.zarr"


@pytest.fixture(scope="module")
def chains(folder):
    pytest.importorskip("zarr")
    seen = []

    def stop(done, most, value):
        seen.append(most)
        if done == 200 and most == 250:
            raise StoppedError

    call = (linear(), of_tokens, data(), ["weight"])
    settings = QUICK | dict(tokens="mean", draws=250, folder=folder)
    with pytest.raises(StoppedError):
        sl.local.loss_chains(*call, **settings | {"progress": stop})
    assert 250 in seen  # progress counts draws while losses are recorded
    return sl.local.loss_chains(*call, **settings)


@pytest.mark.slow
def test_influence_by_token_is_the_closed_form(chains) -> None:
    assert chains["loss"].dims == ("component", "chain", "draw", "sample", "token")
    true = exact()
    tokens = sl.local.influence(chains, by="token")
    assert tokens["influence"].dims == ("sample", "token", "other", "other_token")
    value = tokens["influence"].values.reshape(N * T, N * T)
    error = tokens["standard_error"].values.reshape(N * T, N * T)
    beta = NBETA / (N * T)
    assert np.linalg.norm(value + beta * true) < 0.15 * np.linalg.norm(beta * true)
    assert 0.05 < np.mean(((value + beta * true) / error) ** 2) < 5.4
    # The tokens of a sample add up to the sample, in rows; its own loss is their mean.
    samples = sl.local.influence(chains)
    summed = tokens["influence"].sum("token").mean("other_token")
    np.testing.assert_allclose(samples["influence"], summed, atol=1e-12)
    with pytest.raises(ValueError, match='by: got "token", but losses were recorded by sample'):
        sl.local.influence(
            sl.local.LossChains(
                chains.dataset.isel(token=0)
                .drop_attrs()
                .assign_attrs({k: v for k, v in chains.attrs.items() if k != "tokens"})
            ),
            by="token",
        )


def test_susceptibility_by_token_averages_to_that_of_the_sample(chains) -> None:
    tokens, samples = (sl.local.susceptibilities(chains, by) for by in ("token", "sample"))
    assert tokens["per_sample"].dims == ("component", "sample", "token")
    np.testing.assert_allclose(
        tokens["per_sample"].mean("token"), samples["per_sample"], atol=1e-12
    )
    true = -(exact().mean(axis=0) - exact().mean())
    value = tokens["per_sample"].values.reshape(-1)
    error = tokens["per_sample_error"].values.reshape(-1)
    assert 0.05 < np.mean(((value - true) / error) ** 2) < 5.4
    assert np.linalg.norm(error) < np.linalg.norm(true)


def test_a_folder_is_read_again_and_belongs_to_its_chains(chains, folder) -> None:
    import xarray as xr

    plain = xr.open_dataset(folder, engine="zarr", consolidated=False, chunks=None)
    assert plain["loss"].dims == chains["loss"].dims and plain["loss"].dtype == np.float32
    assert bool(np.isfinite(plain["loss"]).all())
    with pytest.raises(ValueError, match=r"folder: .* belongs to other chains \(seed"):
        sl.local.loss_chains(
            linear(), of_tokens, data(), ["weight"], folder=folder,
            **QUICK | dict(tokens="mean", draws=250, seed=1),
        )  # fmt: skip


@pytest.mark.slow
def test_langevin_chains_go_on_at_the_draw_where_they_stopped(tmp_path, monkeypatch) -> None:
    zarr = pytest.importorskip("zarr")
    from singlearn.local.influence import loss_chains as verb
    from singlearn.local.influence import written

    monkeypatch.setattr(written, "BYTES", 4 * 8 * N * T * 10)  # ten draws together
    ran = []
    sample = verb.sample
    monkeypatch.setattr(verb, "sample", lambda *given: ran.append(1) or sample(*given))

    def stop(done, most, value):
        if done == 35 and most == 60:
            raise StoppedError

    settings = QUICK | dict(sampler="sgld", batch_size=8, tokens="sum", draws=60)
    call = (linear(), of_tokens, data())
    with pytest.raises(StoppedError):
        sl.local.loss_chains(*call, folder=tmp_path / "z", **settings | {"progress": stop})
    first = np.array(zarr.open_group(tmp_path / "z", mode="r")["loss"])
    assert np.isfinite(first[:, :, :30]).all() and np.isnan(first[:, :, 30:]).all()
    found = sl.local.loss_chains(*call, folder=tmp_path / "z", **settings)
    assert len(ran) == 1  # the chains had arrived
    np.testing.assert_array_equal(found["loss"].values[:, :, :30], first[:, :, :30])
    assert bool(np.isfinite(found["loss"]).all())
    before, after = found["loss"][0, :, 29], found["loss"][0, :, 30]
    assert float(abs(after - before).max()) > 0


def test_the_coefficient_needs_to_be_told_what_a_sample_loses() -> None:
    by_hand = {
        "mean": lambda output, target: of_tokens(output, target).mean(-1),
        "sum": lambda output, target: of_tokens(output, target).sum(-1),
    }
    for tokens, loss in by_hand.items():
        found = sl.local.llc(linear(), of_tokens, data(), tokens=tokens, **QUICK)
        assert found.value == sl.local.llc(linear(), loss, data(), **QUICK).value
    with pytest.raises(
        ValueError, match='say tokens="mean" or "sum" where there is one number per tok'
    ):
        sl.local.llc(linear(), of_tokens, data(), **QUICK)
    with pytest.raises(ValueError, match="tokens: got 'mean', for losses of shape"):
        sl.local.llc(linear(), by_hand["sum"], data(), tokens="mean", **QUICK)
    with pytest.raises(ValueError, match="tokens: got 'max'"):
        loss_of_samples(of_tokens, "max")


@pytest.mark.slow
def test_jax_has_tokens_too() -> None:
    jnp = pytest.importorskip("jax.numpy")
    found = sl.local.loss_chains(
        lambda w, x: x @ w, lambda o, t: 0.5 * SCALE * (o - t) ** 2,
        (jnp.asarray(X), jnp.asarray(Y)), parameters=jnp.asarray(W), tokens="mean", draws=60,
        **QUICK | dict(chains=4),
    )  # fmt: skip
    assert found["loss"].shape == (1, 4, 60, N, T)
    value = sl.local.influence(found, by="token")["influence"].values.reshape(N * T, N * T)
    true = -NBETA / (N * T) * exact()
    assert np.linalg.norm(value - true) < 0.6 * np.linalg.norm(true)


def test_away_from_a_minimum_numbers_are_given_when_asked_for() -> None:
    """With a constant added to the targets the best slopes are elsewhere."""
    wrong = linear(W + np.array([0.6, 0.0]))
    settings = QUICK | dict(tokens="mean", draws=20, chains=4)
    for anyway in (False, True):
        found = sl.local.loss_chains(wrong, of_tokens, data(), anyway=anyway, **settings)
        assert found["status"].item() == "not_local_minimum"
        result = sl.local.influence(found)
        assert bool(np.isfinite(result["influence"]).all()) is anyway
        said = [c.message for c in result.cautions if c.reason is Reason.NOT_A_MINIMUM]
        assert any("given anyway" in message for message in said) is anyway
    assert math.isfinite(found["learning_coefficient"].item())
