"""The yardstick: λ̂ of the quadratic model at w*."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import singlearn as sl
from singlearn.local.jax.target import JaxTarget
from singlearn.local.measuring import quadratic as module
from singlearn.local.target import Tempering
from singlearn.local.torch.target import TorchTarget

torch.set_num_threads(1)
TEMPERING = Tempering(50.0, 2.0)


def squared(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def loss_of_a_model(model, batch):
    return squared(model(batch[0]), batch[1])


def net(params, x):
    return jnp.tanh(x @ params["a"]) @ params["b"]


class Net(torch.nn.Module):
    def __init__(self, params) -> None:
        super().__init__()
        self.a, self.b = (torch.nn.Parameter(torch.as_tensor(params[k])) for k in ("a", "b"))

    def forward(self, x):
        return torch.tanh(x @ self.a) @ self.b


@pytest.fixture(scope="module")
def case():
    """A tanh network of 12 × 10 hidden weights with targets at some distance; its Gauss-Newton
    matrix by finite differences.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 8)).astype(np.float32)
    params = {
        "a": rng.normal(size=(8, 12)).astype(np.float32) / 3,
        "b": rng.normal(size=(12, 2)).astype(np.float32) / 3,
    }

    def output(flat):
        return (np.tanh(x @ flat[:96].reshape(8, 12)) @ flat[96:].reshape(12, 2)).ravel()

    flat = np.concatenate([params["a"].ravel(), params["b"].ravel()]).astype(np.float64)
    jacobian = np.stack([(output(flat + d) - output(flat - d)) / 2e-5 for d in 1e-5 * np.eye(120)])
    y = output(flat).reshape(40, 2).astype(np.float32) + rng.normal(size=(40, 2)).astype(np.float32)
    stiffness = 50.0 * np.linalg.eigvalsh(jacobian @ jacobian.T / 40)
    return x, y, params, jacobian, 0.5 * float((stiffness / (stiffness + 2.0)).sum())


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_gauss_newton_products_and_every_eigenvalue(case, framework) -> None:
    x, y, params, jacobian, exact = case
    if framework == "jax":
        target = JaxTarget(net, squared, (x, y), params)
    else:
        target = TorchTarget(Net(params), squared, (torch.as_tensor(x), torch.as_tensor(y)))
    vectors = np.random.default_rng(1).normal(size=(3, 120))
    np.testing.assert_allclose(
        target.curvature(vectors, None), vectors @ jacobian @ jacobian.T / 40, rtol=1e-3, atol=1e-4
    )
    found = module.quadratic(target, TEMPERING, gradients=10**9, seed=0)
    assert found.value == pytest.approx(exact, rel=1e-3) and found.standard_error == 0


def test_random_probes_agree_within_their_error(case) -> None:
    x, y, params, _, exact = case
    target = JaxTarget(net, squared, (x, y), params)
    found = module.quadratic(target, TEMPERING, gradients=0, seed=0)
    assert 0 < found.standard_error < 0.2 * exact
    assert abs(found.value - exact) < 4 * found.standard_error


def test_some_of_many_samples_when_all_cost_too_much(case, monkeypatch) -> None:
    x, y, params, _, exact = case
    many = tuple(np.concatenate([a] * 25) for a in (x, y))  # the same curvature, 1000 samples
    monkeypatch.setattr(module, "FEWEST_SAMPLES", 500)
    seen = []

    class Watched(JaxTarget):
        def curvature(self, vectors, index):
            seen.append(None if index is None else len(index))
            return super().curvature(vectors, index)

    target = Watched(net, squared, many, params)
    found = module.quadratic(target, TEMPERING, gradients=0, seed=0)
    assert set(seen) == {500} and abs(found.value - exact) < 4 * found.standard_error
    seen.clear()
    module.quadratic(target, TEMPERING, gradients=10**7, seed=0)
    assert set(seen) == {None}


def test_without_an_output_it_is_the_hessian(case) -> None:
    x, y, params, _, _ = case
    data = tuple(map(torch.as_tensor, (x, y)))
    hessian = TorchTarget(Net(params), loss_of_a_model, data).curvature(np.eye(120)[:5], None)
    target = TorchTarget(Net(params), squared, data)
    shift = 1e-2 * np.eye(120)[:5]
    expected = (target.full(shift)[1] - target.full(-shift)[1]) / 2e-2
    np.testing.assert_allclose(hessian, expected, atol=2e-3)
    assert np.abs(hessian - target.curvature(np.eye(120)[:5], None)).max() > 0.05


def two_directions(w, x):
    """Output of the model with K = (w_0² + w_1^4)/2."""
    return jnp.sqrt(2.0) * x @ jnp.stack([w[0], w[1] ** 2])


TWO = (np.array([[1.0, 0.0], [0.0, 1.0]] * 50, dtype=np.float32), np.zeros(100, np.float32))


def test_a_run_says_what_its_quadratic_model_would_give() -> None:
    """The quadratic model feels one direction only, λ = 1/2 + 1/4 feels both."""
    found = sl.local.llc(
        two_directions,
        lambda o, t: 0.5 * (o - t) ** 2,
        TWO,
        parameters=np.zeros(2, np.float32),
        nbeta=1e3,
        gamma=1.0,
        sampler="hmc",
        tolerance=0.06,
        max_steps=100_000,
    )
    assert (
        found.quadratic.value == pytest.approx(0.5, rel=1e-2)
        and found.quadratic.standard_error == 0
    )
    assert abs(found.value - 0.75) < 4 * found.standard_error < 0.24
    assert f"the quadratic model at w*: {found.quadratic};" in str(found)
    assert found.to_dict()["quadratic"]["value"] == found.quadratic.value


def test_an_operation_without_a_forward_derivative_keeps_the_yardstick() -> None:
    """One direction has curvature 1: half of 100 / (100 + 10)."""

    @jax.custom_vjp
    def opaque(w):
        return w

    opaque.defvjp(lambda w: (w, None), lambda _, g: (g,))
    found = sl.local.llc(
        lambda w, x: two_directions(opaque(w), x),
        lambda o, t: 0.5 * (o - t) ** 2,
        TWO,
        parameters=np.zeros(2, np.float32),
        nbeta=100.0,
        chains=4,
        sampler="hmc",
        max_steps=1000,
        gamma=10.0,
    )
    assert found.quadratic.value == pytest.approx(0.5 * 100 / 110, rel=1e-4)
    assert (
        found.value > found.quadratic.value
    )  # the other direction is felt beyond the quadratic model
