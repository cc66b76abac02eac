"""Populations carried up and down a sweep: they agree where phases exchange particles and disagree
where they do not.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpyro.distributions as dist
import pytest

import singlearn as sl
from singlearn.transitions import hysteresis

# Two wells of equal width at ±1, of which θ lifts the right one by 2000 θ nats, with a barrier of
# 500 nats between.
WELLS = sl.Triple.population(
    lambda w, theta: jnp.minimum(theta + 0.25 * (w - 1.0) ** 2, 0.1 + 0.25 * (w + 1.0) ** 2),
    dist.Normal(0.0, 2.0),
    n=2000,
    setting=0.0,
    name="wells",
)
ONE_WELL = sl.Triple.population(
    lambda w, theta: 0.5 * (w - theta) ** 2,
    dist.Normal(0.0, 3.0),
    n=50,
    setting=0.0,
    name="one well",
)


def right(w):
    return w > 0.0


def test_metastable_phases_show_hysteresis():
    """Right wins below θ = 0.1, left above it. Starting where the loser has e^-200, each branch
    stays in the phase it came from.
    """
    loop = hysteresis(WELLS.with_setting, [0.0, 0.2], right, particles=32, seed=0)
    for branch, phase in ((loop.up, "True"), (loop.down, "False")):
        assert all(branch.share(phase, value).value > 0.99 for value in branch.values)
    assert {value for value, _ in loop.disagreement} == {0.0, 0.2}
    assert "up and down disagree at θ = 0" in str(loop)
    # Within the phase it stayed in, a branch still knows its free energy: lifting a well by 0.2
    # costs n · 0.2 nats.
    rise = loop.up.free_energies[-1].value - loop.up.free_energies[0].value
    assert rise == pytest.approx(400.0, abs=4 * loop.up.free_energies[-1].standard_error + 1e-6)


class Workers:
    """What is used of a Dask client, in this process."""

    def submit(self, function, /, *values, pure):
        return function(*values)

    def gather(self, futures):
        return futures


def test_one_well_shows_none_and_a_client_gives_the_same():
    loop = hysteresis(ONE_WELL.with_setting, [-0.2, 0.2], right, particles=32, seed=0)
    again = hysteresis(
        ONE_WELL.with_setting, [-0.2, 0.2], right, particles=32, seed=0, client=Workers()
    )
    assert again.to_dict() == loop.to_dict()
    assert loop.disagreement == []
    assert "up and down agree" in str(loop)
    up, down = (dict(zip(b.values, b.free_energies, strict=True)) for b in (loop.up, loop.down))
    for value in up:
        assert abs(up[value].value - down[value].value) < 4 * (
            up[value].standard_error + down[value].standard_error
        )


def test_a_folder_goes_on_from_the_value_where_it_stopped(tmp_path):
    """Every value is a file; what is missing is computed again, bit for bit, and another sweep's
    folder is refused.
    """
    asked = {"labeller": right, "particles": 16, "seed": 1}
    along = [-0.2, 0.0, 0.2]
    once = hysteresis(ONE_WELL.with_setting, along, folder=tmp_path, **asked)
    assert once.to_dict() == hysteresis(ONE_WELL.with_setting, along, **asked).to_dict()
    assert len(list(tmp_path.glob("up_*.json"))) == len(list(tmp_path.glob("down_*.json"))) == 3
    for lost in ("up_1_0.0.json", "up_2_0.2.json", "down_2_-0.2.json"):
        (tmp_path / lost).unlink()
    again = hysteresis(ONE_WELL.with_setting, along, folder=tmp_path, **asked)
    assert again.to_dict() == once.to_dict()
    assert again.up.free_energies == once.up.free_energies
    with pytest.raises(ValueError, match=r"another sweep up and down.*seed: 1 then, 2 now"):
        hysteresis(ONE_WELL.with_setting, along, folder=tmp_path, **{**asked, "seed": 2})
    with pytest.raises(ValueError, match=r"up_0.*another sweep up and down.*labels"):
        hysteresis(
            ONE_WELL.with_setting, along, folder=tmp_path, **{**asked, "labeller": lambda w: w > 9}
        )


def test_a_folder_needs_the_population_of_the_value_before(tmp_path):
    """A damaged file is named; it is not computed again in silence."""
    asked = {"labeller": right, "particles": 16, "seed": 1, "folder": tmp_path}
    hysteresis(ONE_WELL.with_setting, [-0.2, 0.2], **asked)
    file = tmp_path / "up_0_-0.2.json"
    file.write_text(file.read_text().replace('"population"', '"people"'))
    with pytest.raises(ValueError, match=r"up_0_-0\.2\.json is damaged"):
        hysteresis(ONE_WELL.with_setting, [-0.2, 0.2], **asked)
