"""What users brought as JAX functions: leaves that are no real numbers, data in other forms, losses
that are not their samples' own.

Right values: a linear regression has a quadratic loss, so L_n(w* + δ) - L_n(w*) = δᵀHδ/2 and its
gradient Hδ, in closed form; counts d are those of real directions. What has no right value is
refused, by name.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import singlearn as sl
from singlearn.local.checks.false_gradient import find_false_gradient
from singlearn.local.jax import target as jax_function
from singlearn.local.jax.closed_over import held_by
from singlearn.local.jax.data import as_pair, digits_lost
from singlearn.local.jax.leaves import notes_on, sorted_leaves
from singlearn.local.jax.programs import CompiledOnce
from singlearn.local.jax.target import JaxTarget

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype(np.float32)
Y = (X.sum(1) + RNG.normal(size=60)).astype(np.float32)
W = np.linalg.lstsq(X.astype(float), Y.astype(float), rcond=None)[0].astype(np.float32)
H = X.T.astype(float) @ X / 60


def half(output, target):
    return 0.5 * (output - target) ** 2


def line(p, x):
    return x @ p["w"]


@pytest.fixture
def taken_on_trust(monkeypatch):
    """Functions that other tests ask for their gradients and their batches."""
    for check in ("batch_dependence", "false_gradient"):
        monkeypatch.setattr(jax_function, check, lambda *_: None)


def quadratic(target, curvature):
    """The loss and its gradient are those of a quadratic with this curvature, in the coordinates of
    the chains.
    """
    offset = np.random.default_rng(1).normal(size=(2, target.dimension))
    value, gradient = target.full(offset)
    np.testing.assert_allclose(
        value, 0.5 * np.einsum("ki,ij,kj->k", offset, curvature, offset), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(gradient, offset @ curvature, rtol=1e-3, atol=1e-3)


def test_a_complex_leaf_has_two_real_directions_per_entry(taken_on_trust) -> None:
    """Output Re(x·z): the real parts are the regression, the imaginary ones do nothing; |z|² counts
    both. By name and mask too.
    """
    target = JaxTarget(lambda p, x: (x @ p["z"]).real, half, (X, Y), {"z": W + 0j})
    assert target.dimension == 6 and target.groups == {"z": slice(0, 6)}
    quadratic(target, np.kron([[1, 0], [0, 0]], H))
    part = JaxTarget(
        lambda p, x: (x @ p["z"]).real,
        half,
        (X, Y),
        {"z": W + 0j},
        only={"z": np.array([True, False, True])},
        gamma={"z": 4.0},
    )
    assert part.dimension == 4
    quadratic(part, np.kron([[1, 0], [0, 0]], H[np.ix_([0, 2], [0, 2])] / 4))


def test_a_complex_output_keeps_the_yardstick(taken_on_trust) -> None:
    """|x·z - y|²/2 with z complex: the curvature is H for the real and for the imaginary parts."""
    target = JaxTarget(
        lambda p, x: x @ p["z"], lambda o, t: 0.5 * jnp.abs(o - t) ** 2, (X, Y), {"z": W + 0j}
    )
    np.testing.assert_allclose(
        target.curvature(np.eye(6), None), np.kron(np.eye(2), H), rtol=1e-3, atol=1e-3
    )
    quadratic(target, np.kron(np.eye(2), H))


def test_what_is_no_real_number_is_held_and_said(taken_on_trust) -> None:
    """A step counter, keys old and new, a mask, an activation, a setting: d counts three weights,
    and the notes name what stays.
    """
    p = {
        "w": W,
        "step": jnp.int32(7),
        "key": jax.random.key(0),
        "old": jax.random.PRNGKey(0),
        "mask": np.array([True, True, False]),
        "act": jnp.tanh,
        "heads": 3,
        "none": None,
    }
    target = JaxTarget(lambda p, x: x @ jnp.where(p["mask"], p["w"], 0.0), half, (X, Y), p)
    assert target.dimension == 3
    (note,) = (str(one) for one in target.notes)
    for words in (
        "step (int32)",
        "key (a key of random numbers)",
        "old (uint32)",
        "mask (bool)",
        "heads (a Python int)",
    ):
        assert words in note
    curvature = H.copy()
    curvature[2], curvature[:, 2] = 0, 0
    state = target.begin(np.array([0.1]), 0)
    offset = np.asarray(state.position) - W
    expected = half(X @ np.where(p["mask"], W + offset[0], 0), Y) - half(
        X @ np.where(p["mask"], W, 0), Y
    )
    np.testing.assert_allclose(target.losses(state)[0], expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="only: step is int32, which is not sampled; there are w"):
        JaxTarget(line, half, (X, Y), {"w": W, "step": jnp.int32(7)}, only="step")


def test_a_held_leaf_whose_value_decides_what_is_compiled() -> None:
    """A mask as an index and a flag in a Python branch need their values: they become constants,
    also in a sweep.
    """

    def pruned(p, x):
        return x[:, p["mask"]] @ p["w"][p["mask"]] if p["on"] else x[:, 0]

    sweep = CompiledOnce(pruned)
    for keep in ([0, 2], [0, 1]):
        mask = np.isin(np.arange(3), keep)
        w = np.zeros(3, np.float32)
        w[keep] = np.linalg.lstsq(X[:, keep], Y, rcond=None)[0]
        target = JaxTarget(sweep, half, (X, Y), {"w": w, "mask": mask, "on": jnp.array(True)})
        curvature = np.zeros((3, 3))
        curvature[np.ix_(keep, keep)] = H[np.ix_(keep, keep)]
        quadratic(target, curvature)


class Layer(NamedTuple):
    w: object
    name: str


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["layers", "rate"], meta_fields=["width"]
)
@dataclass
class Net:
    layers: list
    rate: float
    width: int


def test_trees_of_every_build_are_taken_apart() -> None:
    """Lists, tuples by name, dataclasses with static fields, several kinds of arrays; names follow
    JAX's own path.
    """
    net = Net([Layer(np.float64([1, 2]), "a"), (jnp.ones(1, jnp.float16), 2.0, 1 + 2j)], 0.5, 3)
    kinds = {leaf.name: leaf.kind for leaf in sorted_leaves(net)[0]}
    assert kinds == {
        "layers.0.w": "real",
        "layers.0.name": "static",
        "layers.1.0": "real",
        "layers.1.1": "real",
        "layers.1.2": "complex",
        "rate": "real",
    }
    gone = jnp.ones(2)
    gone.delete()
    with pytest.raises(ValueError, match="parameters: w is being traced; call this outside of"):
        jax.jit(lambda w: sorted_leaves({"w": w}))(1.0)
    for tree, sentence in (
        ({"a": {"b": 1.0}, "a.b": 2.0}, "two leaves are called a.b"),
        (
            {"n": jnp.arange(3)},
            r"no leaf is a floating-point or complex array, there are: n \(int32\)",
        ),
        ({"w": np.array(["x"])}, "parameters: w holds <U1"),
        ({"w": np.ma.masked_array([1.0, 2.0], [0, 1])}, "parameters: w is a masked array"),
        ({"w": np.ones(2, np.longdouble)}, "parameters: w holds"),
        ({"w": np.array([1e300])}, "parameters: w holds numbers up to 1e.300, which are infinite"),
        ({"w": gone}, "parameters: w was given away to a compiled function"),
        ({"w": jax.ShapeDtypeStruct((2,), np.float32)}, "parameters: w is not an array of numbers"),
        ({1: 1.0, "1": 2.0}, "parameters: JAX cannot take this tree apart"),
    ):
        with pytest.raises(ValueError, match=sentence):
            sorted_leaves(tree)


def test_statistics_that_flax_keeps_beside_the_parameters_stay(taken_on_trust) -> None:
    """As flax's own optimisers do; named by ``only`` they move."""
    p = {"params": {"w": W}, "batch_stats": {"mean": np.zeros(3, np.float32)}}

    def model(p, x):
        return (x - p["batch_stats"]["mean"]) @ p["params"]["w"]

    target = JaxTarget(model, half, (X, Y), p)
    assert target.dimension == 3 and "batch_stats" in target.notes[0].message
    assert JaxTarget(model, half, (X, Y), p, only="*").dimension == 6
    masked = {"w": W, "mask": np.float32([1, 0, 1])}
    assert (
        "mask is sampled, for it holds floating-point numbers"
        in notes_on(sorted_leaves(masked)[0], masked)[0][0]
    )


@pytest.mark.parametrize(
    ("loss", "model", "sentence"),
    [
        (
            lambda o, t: half(o, t) / len(o),
            line,
            "loss: the loss of a sample depends on the other samples of its batch",
        ),
        (
            lambda o, t: half(o, t) - 0.3 * half(o, t).mean(),
            line,
            "loss: the loss of a sample depends on the other",
        ),
        (
            half,
            lambda p, x: x @ p["w"] + 0.1 * jax.random.normal(jax.random.key(0), x.shape[:1]),
            "loss: the loss of a sample depends",
        ),
        (
            half,
            lambda p, x: (x * RNG.integers(0, 2, size=x.shape)) @ p["w"],
            "loss: it is random, not the same at every call",
        ),
        (
            half,
            jax.jit(lambda p, x: RNG.normal() * x @ p["w"]),
            "loss: it is random, not the same at every call",
        ),
        (lambda o, t: half(o, t).mean(), line, "it seems averaged over the batch"),
        (lambda o, t: jnp.stack([o.mean()] * 4), line, "for 3 samples it gave shape"),
        (
            lambda o, t: (o > t).astype(int),
            line,
            "loss: it gave numbers of type int32; they should be real floating-point",
        ),
        (lambda o, t: half(o, t) + 0j, line, "loss: it gave numbers of type complex64"),
        (lambda o, t: {"loss": half(o, t)}, line, "loss: it gave a dict; it should give one array"),
        (half, lambda p, x: np.tanh(x @ p["w"]), "model: it cannot be compiled"),
        (
            half,
            lambda p, x: jax.lax.while_loop(lambda o: o.sum() > 9, jnp.sin, x @ p["w"]),
            "model or loss: they have no gradient",
        ),
        (
            half,
            lambda p, x: x @ p["v"],
            "model or loss: at the first samples they raise KeyError: 'v'",
        ),
    ],
)
def test_functions_without_a_posterior_are_refused(loss, model, sentence) -> None:
    """w* = 0 and y = 0, so that at w* itself nothing is seen."""
    with pytest.raises(ValueError, match=sentence):
        JaxTarget(model, loss, (X, np.zeros(60, np.float32)), {"w": np.zeros(3, np.float32)})


@jax.custom_jvp
def lying(x):
    return x


lying.defjvp(lambda x, t: (x[0], 0.5 * t[0]))


@pytest.mark.parametrize(
    "model",
    [
        lambda p, x: x @ (0.1 * p["w"] + 0.9 * jax.lax.stop_gradient(p["w"])),
        lambda p, x: x @ jnp.concatenate([p["w"][:2], jax.lax.stop_gradient(p["w"][2:])]),
        lambda p, x: lying(x @ p["w"]),
        lambda p, x: jnp.round(4 * (x @ p["w"])) / 4,
    ],
)
def test_a_gradient_that_is_not_the_derivative_is_refused(model) -> None:
    with pytest.raises(
        ValueError,
        match=r"model: its gradient is not the derivative of the loss: moving (w|all parameters)",
    ):
        JaxTarget(model, half, (X, Y), {"w": W})


def test_true_gradients_are_not_suspected() -> None:
    """Kinks, a root at zero, steep powers, a plateau, an offset that rounds everything away: none
    is a lie.
    """
    places = [("w", np.arange(3))]
    for loss, slope in (
        (lambda w: np.abs(w).sum(), np.sign),
        (lambda w: np.sqrt(np.abs(w)).sum(), lambda w: 0.5 * np.sign(w) / np.sqrt(np.abs(w))),
        (lambda w: 1e4 * (w**8).sum(), lambda w: 8e4 * w**7),
        (lambda w: np.maximum(np.abs(w) - 1, 0).sum(), lambda w: np.zeros(3)),
        (lambda w: np.maximum(w, 0).sum(), lambda w: (w > 0).astype(float)),
    ):
        assert (
            find_false_gradient(lambda w, loss=loss: np.full(2, loss(w)), slope, places, 0.1, 0)
            is None
        )
    coarse = find_false_gradient(
        lambda w: np.float32(1e9 + (w**2).sum()) * np.ones(2) - 1e9,
        lambda w: 2 * w,
        places,
        0.1,
        0,
        scale=1e9,
    )
    assert coarse is None
    none = find_false_gradient(
        lambda w: np.full(2, (w**2).sum()), lambda w: np.full(3, np.nan), places, 0.1, 0
    )
    assert "not finite at a point near w*" in str(none)


def test_a_function_that_holds_the_trained_weights_is_said(taken_on_trust) -> None:
    """Weight decay with the weights of the closure is a constant; so the excess lacks it. By JAX's
    constants, and by Python's closure.
    """
    w = jnp.asarray(W)
    for given, loss in (
        (w, lambda o, t: half(o, t) + 0.01 * (w**2).sum()),
        (W, lambda o, t: half(o, t) + 0.01 * np.sum(W**2)),
    ):
        (note,) = (one.message for one in JaxTarget(line, loss, (X, Y), {"w": given}).notes)
        assert "hold w of w* themselves" in note
    x = jnp.asarray(X)
    assert (
        JaxTarget(lambda p, rows: x[rows] @ p["w"], half, (np.arange(60), Y), {"w": W}).notes == ()
    )
    assert held_by(functools.partial(lambda w, o, t: o, W), {"w": W}) == ["w"]


def test_an_output_with_integers_and_a_function_without_forward_derivative_keep_the_yardstick() -> (
    None
):
    @jax.custom_vjp
    def double(x):
        return 2 * x

    double.defvjp(lambda x: (2 * x, None), lambda _, g: (2 * g,))
    target = JaxTarget(
        lambda p, x: {"y": double(x @ p["w"]), "class": (x[:, 0] > 0).astype(int)},
        lambda o, t: half(o["y"], t),
        (X, Y),
        {"w": W / 2},
    )
    np.testing.assert_allclose(target.curvature(np.eye(3), None), 4 * H, rtol=1e-3, atol=1e-3)


class Unbound:
    """As a module of flax: the function is its method."""

    def init(self, key, x):
        return None

    def apply(self, p, x):
        return x @ p["w"]

    __call__ = apply


def test_data_in_other_forms() -> None:
    """A list of samples is stacked; what has no meaning is refused by name; float64 that loses its
    digits is said.
    """
    pairs = [(row, y) for row, y in zip(X.astype(float), Y, strict=True)]
    np.testing.assert_array_equal(as_pair(pairs)[0], X)
    before = X.copy()
    JaxTarget(
        jax.jit(line, donate_argnums=(0, 1)), half, (jnp.asarray(X), Y), {"w": jnp.asarray(W)}
    )
    np.testing.assert_array_equal(X, before)
    assert as_pair(({"a": X, "b": X}, None))[1] is None
    for data, sentence in (
        (
            (X, Y, np.ones(60)),
            r"data: got a tuple of 3; a weight belongs to the target, \(x, \(target, weight\)\)",
        ),
        ({"x": X, "y": Y}, "data: got a dictionary with the keys x, y"),
        ((X, Y[:59]), "data: x has 60 samples, the target has 59 samples"),
        ((X, np.float32(1)), "data: the target is a single number"),
        ((X[:2], Y[:2]), "data: got 2 samples"),
        ((X, np.ma.masked_array(Y, Y > 2)), "data: the target is a masked array"),
        ((X, np.array(["a"] * 60)), "data: the target holds <U1"),
        (
            (X, np.full(60, 2**40)),
            "data: the target holds whole numbers from 1099511627776 to 1099511627776, which do "
            "not fit",
        ),
        (([X[0].tolist()] * 60, Y), r"data: x.0.0 is a single number; .* \(a list is a tree"),
        (
            [(row, 1.0) for row in X[:5]] + [(X[0], (1.0, 2.0))],
            "data: sample 5 of the list is built otherwise",
        ),
        (iter(pairs), "data: got list_iterator"),
    ):
        with pytest.raises(ValueError, match=sentence):
            as_pair(data)
    late = (1.7e9 + np.arange(60.0), Y)
    assert "column 0 of x is rounded to" in digits_lost(late, as_pair(late))[0]
    assert digits_lost((X.astype(float), Y), as_pair((X, Y))) == []
    hole = X.copy()
    hole[7, 1] = np.nan
    with pytest.raises(
        ValueError,
        match=r"loss: it is not finite at sample 7; .*; x of that sample has entries that are not "
        r"finite",
    ):
        JaxTarget(line, half, (hole, Y), {"w": W})
    with pytest.raises(
        ValueError,
        match=r"model: got Unbound, whose method apply is the function; give model\.apply",
    ):
        JaxTarget(Unbound(), half, (X, Y), {"w": W})


@pytest.mark.parametrize("x64", [False, True])
def test_double_precision_is_jax_s_own(x64, taken_on_trust) -> None:
    """float64 leaves are float32 where JAX has no more, and float64 where it has."""
    with jax.enable_x64(x64):
        target = JaxTarget(line, half, (X.astype(float), Y.astype(float)), {"w": W.astype(float)})
        assert (
            str(target._at.centre.dtype) == ("float64" if x64 else "float32") and target.notes == ()
        )
        quadratic(target, H)


def test_hmc_of_a_complex_weight_finds_the_closed_form() -> None:
    """λ̂ = ½ Σ nβh/(nβh + γ) over the three real directions; the imaginary ones add nothing."""
    found = sl.local.llc(
        lambda p, x: (x @ p["z"]).real,
        half,
        (X, Y),
        parameters={"z": W + 0j},
        gamma=1.0,
        sampler="hmc",
        chains=4,
        max_steps=2000,
        tolerance=0.1,
    )
    h = 60 / np.log(60) * np.linalg.eigvalsh(H)
    assert abs(found.value - 0.5 * (h / (h + 1)).sum()) < 4 * found.standard_error < 0.6
    assert found.half_dimension == 3.0
