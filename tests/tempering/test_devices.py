"""The same numbers on one device and on several: XLA's host devices stand in for accelerators."""

import os
import subprocess
import sys

import pytest

RUN = """
import jax, numpy as np, numpyro.distributions as dist
import singlearn as sl
draw = np.random.default_rng(0).normal
x = draw(size=(50, 3))
prior = dist.Normal(0, 1).expand([3])
triple = sl.Triple.regression(lambda w, x: x @ w, prior, x, x.sum(axis=1) + draw(size=50))
run = sl.temper(triple, particles=128, replicates=4, seed=3, progress=False, modes=None)
print(len(jax.devices()), repr(run.free_energy().value), repr(float(run.rungs.particles.sum())))
"""


@pytest.mark.slow
def test_particles_on_several_devices_are_the_same() -> None:
    said = {}
    for devices in (1, 4, 64):
        flags = (
            f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
        )
        done = subprocess.run(
            [sys.executable, "-c", RUN],
            capture_output=True,
            text=True,
            timeout=600,
            env={**os.environ, "XLA_FLAGS": flags},
        )
        assert done.returncode == 0, done.stderr
        count, *said[devices] = done.stdout.split()
        assert int(count) == devices
    assert said[1] == said[4] == said[64]
