"""λ̂ against a proven λ of a singular model."""

from functools import reduce

import numpy as np
import pytest

import singlearn as sl


def test_deep_linear_network_of_known_learning_coefficient() -> None:
    """9-17-10 of rank 3: λ = 45, m = 1, where a regular model has 161.5; the default setting, 5 % as finite n and γ allow."""
    rng = np.random.default_rng(0)
    frames = [np.linalg.qr(rng.normal(size=(width, width)))[0][:, :3] for width in (9, 17, 10)]
    factors = [frames[i + 1] @ np.diag(rng.uniform(0.7, 1.4, size=3)) @ frames[i].T for i in range(2)]
    x = rng.normal(size=(10_000, 9))

    def network(w, x):
        return reduce(lambda a, layer: a @ layer.T, w, x)

    known = sl.exact.catalogue.deep_linear([9, 17, 10], 3)
    found = sl.local.llc(network, lambda o, t: 0.5 * ((o - t) ** 2).sum(-1), (x, network(factors, x)), parameters=factors)
    assert found.status == "converged", str(found)
    assert found.standard_error < 0.9
    assert found.value == pytest.approx(float(known.value), rel=0.05)
    assert found.above_minimum == pytest.approx(0.0, abs=1e-3) and found.diverged == ()
