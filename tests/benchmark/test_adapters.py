"""Every adapter whose package is installed finds a free energy that is known; slow, for samplers
compile.
"""

import importlib.util

import pytest

from singlearn.benchmark import ADAPTERS, adapter, score
from singlearn.benchmark.adapters import (  # their packages are imported when they run
    blackjax_nested_slice_adapter,
    blackjax_smc_adapter,
    dynesty_adapter,
    local_llc_adapter,
    nautilus_adapter,
    numpyro_nuts_adapter,
    pocomc_adapter,
    pymc_smc_adapter,
    reddemcee_adapter,
    temper_adapter,
)

MODULES = {
    "blackjax-nested-slice": (blackjax_nested_slice_adapter, "blackjax"),
    "blackjax-smc": (blackjax_smc_adapter, "blackjax"),
    "dynesty": (dynesty_adapter, "dynesty"),
    "local-llc": (local_llc_adapter, "singlearn"),
    "nautilus": (nautilus_adapter, "nautilus"),
    "numpyro-nuts": (numpyro_nuts_adapter, "numpyro"),
    "pocomc": (pocomc_adapter, "pocomc"),
    "pymc-smc": (pymc_smc_adapter, "pymc"),
    "reddemcee": (reddemcee_adapter, "reddemcee"),
    "temper": (temper_adapter, "singlearn"),
}


def test_every_name_has_its_file():
    assert set(MODULES) == set(ADAPTERS)
    assert all(adapter(name) is module.sample for name, (module, _) in MODULES.items())
    with pytest.raises(ValueError, match="sampler: got 'guess'"):
        adapter("guess")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(MODULES) - {"local-llc"}))
def test_an_adapter_is_near_the_truth(name):
    if importlib.util.find_spec(MODULES[name][1]) is None:
        pytest.skip(f"{MODULES[name][1]} is not installed")
    scores = score(adapter(name), ["logistic-regression-2"], 256, seeds=1, progress=False)
    (trial,) = scores.trials
    assert trial.failure is None and trial.comparisons
    assert all(abs(c.error) < 0.6 for c in trial.comparisons)


@pytest.mark.slow
def test_the_local_coefficient_is_near_the_theorem():
    scores = score(
        adapter("local-llc"), ["reduced-rank-2-1-2-rank-1"], 20_000, seeds=1, progress=False
    )
    (trial,) = scores.trials
    assert trial.failure is None
    assert abs(trial.comparisons[0].error) < 0.2
