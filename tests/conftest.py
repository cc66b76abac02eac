"""Shared truth: exact numbers and the triples they belong to."""

from __future__ import annotations

import gc
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import settings

from cpu_seconds import listed, without_parameters
from singlearn.triple import Triple

# The same examples on every run and every machine.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


def _share_the_cores() -> None:
    """Each process of a run in parallel keeps to cores of its own: with two on two cores that takes
    a quarter less time.

    XLA starts a thread for every core it sees, and the threads of one process take the cores of the
    other.
    """
    worker, count = (
        os.environ.get("PYTEST_XDIST_WORKER", ""),
        int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")),
    )
    if not worker or not hasattr(os, "sched_setaffinity"):  # Linux has it
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) >= count:
        os.sched_setaffinity(0, cores[int(worker.removeprefix("gw")) :: count])


_share_the_cores()


def _compile_quickly() -> None:
    """Most programs of the tests run once, so that optimising them costs more than it saves.

    XLA ends the process at a flag that it does not know; the second is known to these versions, and
    takes half of what is left of compiling.
    """
    flags = ["--xla_backend_optimization_level=0"]
    if tuple(int(part) for part in version("jaxlib").split(".")[:2]) <= (0, 10):
        flags.append("--xla_cpu_use_fusion_emitters=false")
    os.environ["XLA_FLAGS"] = " ".join([*flags, os.environ.get("XLA_FLAGS", "")]).strip()


_compile_quickly()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in ``long.txt``; earlier than tests are chosen by their marks."""
    long = listed()
    for item in items:
        if without_parameters(item.nodeid) in long:
            item.add_marker("long")


def pytest_collection_finish() -> None:
    """What importing every module and collecting every test has made stays to the end: the garbage
    collector need not look at it again.

    Nor often at what JAX remembers: full collections at the default thresholds took a twentieth of
    the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


TRUTH = Path(__file__).parent / "truth"
STANDARD = dist.Normal(0.0, 1.0)


def truth(name: str) -> Any:
    """The verified numbers of one file in tests/truth."""
    return json.loads((TRUTH / f"{name}.json").read_text())


def _mixture(w, x):
    background = jnp.log1p(-w["a"]) + dist.Normal(0.0, 1.0).log_prob(x)
    return jnp.logaddexp(background, jnp.log(w["a"]) + dist.Normal(w["mu"], 1.0).log_prob(x))


def quadrature_triple(case: dict[str, Any]) -> Triple:
    """The triple of one case of free_energy.json."""
    x = np.array(case["data"]["x"])
    y = np.array(case["data"].get("y", []))
    pair = {"a": STANDARD, "b": STANDARD}
    return {
        "FE1": lambda: Triple.regression(
            lambda w, x: w["a"] * w["b"] * x, pair, x, y, truth={"a": 0.0, "b": 0.0}
        ),
        "FE2": lambda: Triple.regression(
            lambda w, x: w["a"] * jnp.tanh(w["b"] * x), pair, x, y, truth={"a": 1.2, "b": 0.9}
        ),
        "FE3": lambda: Triple(
            _mixture,
            {"a": dist.Uniform(0.0, 1.0), "mu": dist.Normal(0.0, 2.0)},
            x,
            truth={"a": 0.3, "mu": 2.5},
        ),
        "FE4": lambda: Triple.regression(
            lambda w, x: jnp.sum(w["a"] * w["b"]) * x,
            {"a": STANDARD.expand([2]), "b": STANDARD.expand([2])},
            x,
            y,
        ),
        "FE7": lambda: Triple.regression(
            lambda w, x: w["a"] * x + w["c"],
            {"a": STANDARD, "c": STANDARD},
            x,
            y,
            truth={"a": 0.5, "c": -0.3},
        ),
    }[case["name"][:3]]()


@pytest.fixture(scope="session")
def line_triple() -> Triple:
    """A regular model: y = a x + c, 40 observations, d = 2."""
    return quadrature_triple(
        next(c for c in truth("free_energy")["cases"] if c["name"].startswith("FE7"))
    )
