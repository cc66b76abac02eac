"""What users bring as data, noise and arguments: understood as it is meant, or refused by name."""

import inspect
from decimal import Decimal
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest
import torch

import singlearn as sl
from singlearn.triple.intake import as_array, as_data

NORMAL = dist.Normal(0.0, 1.0)
X = np.array([1.0, 2.0, 3.0])


def as_users_call(function):
    """The function without the type checker of the tests, which users do not have."""
    return inspect.unwrap(function)


def log_likelihood(w, y):
    return dist.Normal(w, 1.0).log_prob(y)


UNDERSTOOD = {
    "list": ([0.5, 1.0, 2.0], [0.5, 1.0, 2.0]),
    "rows": ([[1, 2], (3, 4)], [[1, 2], [3, 4]]),
    "whole numbers": (range(3), [0, 1, 2]),
    "a mask without a masked entry": (np.ma.masked_array([1.0, 2.0], [0, 0]), [1.0, 2.0]),
    "nullable integers": (pd.Series([1, 2], dtype="Int64"), [1, 2]),
    "Arrow floats": (pd.Series([1.0, 2.5], dtype="float64[pyarrow]"), [1.0, 2.5]),
    "a frame": (pd.DataFrame({"a": [1, 2], "b": [True, False]}), [[1, 1], [2, 0]]),
    "decimals": ([Decimal("0.5"), Fraction(1, 4)], [0.5, 0.25]),
    "objects": (np.array([1, 2.5], dtype=object), [1.0, 2.5]),
    "half precision": (np.array([1.5, 2.0], np.float16), [1.5, 2.0]),
    "bfloat16": (jnp.array([1.5, 2.0], jnp.bfloat16), [1.5, 2.0]),
    "a tensor with a gradient": (torch.tensor([0.5, 1.0], requires_grad=True), [0.5, 1.0]),
    "a bfloat16 tensor": (torch.tensor([0.5, 1.0], dtype=torch.bfloat16), [0.5, 1.0]),
    "a sparse tensor": (torch.tensor([0.0, 1.0]).to_sparse(), [0.0, 1.0]),
}


@pytest.mark.parametrize(("brought", "meant"), UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_arrays_of_any_origin_keep_their_numbers(brought, meant):
    """A format is no mathematics: the same numbers, in double precision or as 64-bit integers."""
    found = as_data(brought)
    np.testing.assert_array_equal(found, np.array(meant, dtype=float))
    assert found.dtype in (np.float64, np.int64)


REFUSED = {
    "masked": (
        np.ma.masked_array([0.5, 9999.0], [0, 1]),
        r"1 of 2 entries are masked, the first at \(1,\)",
    ),
    "masked within a list": ([0.5, np.ma.masked], r"entry at 1 is masked"),
    "nan": (np.array([[1.0, 2.0], [np.nan, 1.0]]), r"not finite, the first at \(1, 0\)"),
    "missing in a series": (pd.Series([1.0, None], index=["u", "v"]), "missing .*row 'v'"),
    "missing in a frame": (pd.DataFrame({"a": [1, 2], "b": [1, None]}), "column 'b', row 1"),
    "NA": (pd.array([1, None], dtype="Int64"), "missing"),
    "None": ([[1.0, 2.0], [3.0, None]], r"entry at \(1, 1\) is missing"),
    "ragged": ([[1.0, 2.0], [3.0]], "differ in length"),
    "text": (["a", "b"], "text"),
    "a word among objects": (np.array([1, "x"], dtype=object), "entry at 1 is 'x'"),
    "categories": (pd.Series(["a", "b"]).astype("category"), "category"),
    "dates": (pd.Series(pd.to_datetime(["2020-01-01"])), "dates"),
    "durations": (np.array([1, 2], "m8[s]"), "dates or times"),
    "a random key": (jax.random.split(jax.random.key(0), 3), "random key"),
    "a set": ({1.0, 2.0}, "type set"),
    "beyond 64 bits": (np.array([2**64 - 1], np.uint64), "2⁶³"),
}


@pytest.mark.parametrize(("brought", "message"), REFUSED.values(), ids=REFUSED)
def test_what_holds_no_numbers_is_refused_with_its_place(brought, message):
    with pytest.raises(ValueError, match=rf"^data\['y'\].*{message}"):
        as_data({"y": brought})


def test_bytes_do_not_wrap():
    """y - 5 with y = 3 as uint8 is 254 in the arithmetic of bytes; the density of 3 is meant.
    Right: -log N(3; 5, 1).
    """
    triple = sl.Triple(
        lambda w, y: dist.Normal(0.0 * w, 1.0).log_prob(y - 5), NORMAL, np.array([3, 250], np.uint8)
    )
    right = 0.5 * (4 + 245**2) + np.log(2 * np.pi)
    assert triple.parameter_energy(0.0) == pytest.approx(right, rel=1e-12)


def test_single_precision_data_are_computed_with_in_double_precision():
    """x₁ - x₂ of squares: 7 digits would leave 1e-1 of an energy that is exactly 2."""
    x = np.array([[4096.5, 4096.25]], np.float32)
    triple = sl.Triple(
        lambda w, x: -(x[:, 0] ** 2 - x[:, 1] ** 2) * 0 * w - (x[:, 0] ** 2 - x[:, 1] ** 2),
        NORMAL,
        x,
    )
    assert triple.parameter_energy(1.0) == pytest.approx(4096.5**2 - 4096.25**2, rel=1e-14)


def test_two_frames_whose_rows_are_labelled_differently():
    x, y = pd.Series([1.0, 2.0], index=[0, 1]), pd.Series([1.0, 2.0], index=[1, 0])
    with pytest.raises(ValueError, match=r"data\['y'\]: its index differs"):
        sl.Triple.regression(lambda w, x: w * x, NORMAL, x, y)


@pytest.mark.parametrize("shape", [(1,), ()])
def test_a_sum_beside_arrays_of_two_lengths(shape):
    """n is read off the log likelihood; a sum has none."""
    data = (X, np.arange(5.0))
    with pytest.raises(ValueError, match=r"log_likelihood: .*data\[0\] has 3, data\[1\] has 5"):
        sl.Triple(lambda w, d: log_likelihood(w, d[0]).sum().reshape(shape), NORMAL, data)
    assert sl.Triple(lambda w, d: log_likelihood(w, d[0]), NORMAL, data).n == 3


@pytest.mark.parametrize(
    ("log_likelihood", "message"),
    [
        (lambda w, y: y - w if w > 0 else y, "Python code branches.*jnp.where"),
        (lambda w, y: np.log(np.asarray(w)) + y, "turns it into a Python number or a NumPy array"),
        (lambda w: w, "TypeError.*takes 1 positional argument"),
        (lambda w, y: w["scale"] + y, "it fails at a parameter that the prior draws"),
        (lambda w, y: w * y[None] @ jnp.zeros((4, 2)), "dot_general"),
    ],
)
def test_functions_that_do_not_run_are_named(log_likelihood, message):
    """By the argument, with what JAX or Python says; ``kl`` as well."""
    with pytest.raises(ValueError, match=f"log_likelihood: .*{message}"):
        sl.Triple(log_likelihood, NORMAL, np.zeros(3))
    with pytest.raises(ValueError, match="kl: its Python code branches"):
        sl.Triple.population(lambda w: w if w > 0 else -w, NORMAL, n=1)


@pytest.mark.parametrize(
    ("group", "index"), [([1, 2, 1], 2), ([0, -3, 1], -3), ([0.0, 2.0, 1.0], 2)]
)
def test_labels_of_groups_that_count_from_one_are_refused(group, index):
    """Compiled code takes the last entry for one beyond; how jnp.take reads it is its own
    affair.
    """

    def indexed(w, data):
        return dist.Normal(jax.jit(lambda g: w[g.astype(int)])(data[0]), 1.0).log_prob(data[1])

    def taken(w, data):
        return dist.Normal(jnp.take(w, data[0].astype(int)), 1.0).log_prob(data[1])

    with pytest.raises(
        ValueError, match=f"data: index {index} is out of bounds for an axis of length 2"
    ):
        sl.Triple(indexed, NORMAL.expand([2]), (group, X))
    assert sl.Triple(indexed, NORMAL.expand([2]), ([0, 1, -1], X)).n == 3
    assert sl.Triple(taken, NORMAL.expand([2]), (group, X)).n == 3


def test_what_data_a_function_fails_with_is_said():
    """A tuple is a pytree of three numbers, and no array of three."""
    with pytest.raises(
        ValueError, match=r"log_likelihood: .* called with tuple: data\[0\] of shape \(\), "
    ):
        sl.Triple(lambda w, y: y - w, NORMAL, (0.5, 1.0, 0.2))


def test_complex_densities_are_none():
    with pytest.raises(ValueError, match="log_likelihood: returned complex"):
        sl.Triple(lambda w, y: log_likelihood(w, y) + 0j, NORMAL, X)


@pytest.mark.parametrize(
    ("scale", "sigmas"),
    [
        (X, np.stack([X, X], 1)),
        (X[:, None], np.stack([X, X], 1)),
        ([1.0, 2.0], [[1.0, 2.0]] * 3),
        (np.full((3, 2), 3), np.full((3, 2), 3.0)),
        (2, np.full((3, 2), 2.0)),
    ],
)
def test_noise_of_each_datum(scale, sigmas):
    """Right: minus the sum of normal log densities of each entry with its own standard
    deviation.
    """
    y = np.arange(6.0).reshape(3, 2)
    triple = sl.Triple.regression(
        lambda w, x: w * x[:, None] * jnp.ones(2), NORMAL, X, y, scale=scale
    )
    s = np.asarray(sigmas)
    right = np.sum(0.5 * ((y - 0.5 * X[:, None]) / s) ** 2 + np.log(s) + 0.5 * np.log(2 * np.pi))
    assert triple.parameter_energy(0.5) == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize(
    "scale", [0.0, -X, [1.0, np.nan, 1.0], [1.0, 2.0], True, "1", np.inf, [1, 0, 1], X + 1j]
)
def test_noise_that_is_none(scale):
    with pytest.raises(ValueError, match=r"^scale: "):
        as_users_call(sl.Triple.regression.__func__)(
            sl.Triple, lambda w, x: w * x, NORMAL, X, X, scale=scale
        )


def test_noise_that_could_be_of_rows_or_of_columns():
    with pytest.raises(ValueError, match=r"scale: .*\(3, 1\) or \(1, 3\)"):
        sl.Triple.regression(
            lambda w, x: w * x[:, None] * jnp.ones(3), NORMAL, X, np.ones((3, 3)), scale=X
        )


def test_a_shift_of_the_data_shifts_the_mixture():
    """A shift by 1e12, which double precision holds to 1e-4, moves locations and leaves densities;
    single precision is off by 4096.
    """
    y = np.array([-1.0, 0.5, 2.0, 3.0])
    prior = sl.models.MixturePrior(0.5, 4.0, 2.0, 1.0)
    moved = sl.models.MixturePrior(1e12 + 0.5, 4.0, 2.0, 1.0)
    w = {"means": np.array([0.25]), "variances": np.array([2.0])}
    there, here = (
        sl.models.gaussian_mixture(1e12 + y, 1, moved),
        sl.models.gaussian_mixture(y, 1, prior),
    )
    with jax.enable_x64(True):
        u = (
            here.coordinates.unconstrain(w),
            there.coordinates.unconstrain(w | {"means": 1e12 + w["means"]}),
        )
        log_p = [
            float(jax.jit(t.coordinates.log_prob)(at))
            for t, at in zip((here, there), u, strict=True)
        ]
    assert log_p[1] == pytest.approx(log_p[0], abs=1e-3)


WHAT_IS_NO_ARGUMENT = [
    {"particles": 100.5},
    {"particles": True},
    {"particles": "64"},
    {"seed": 2**63},
    {"seed": -1},
    {"seed": None},
    {"replicates": 2.5},
    {"replicates": 0},
    {"thin": 0},
    {"thin": 65},
    {"target_ess": "0.5"},
    {"target_ess": 1},
    {"beta_max": np.inf},
    {"beta_max": True},
    {"precision": 32},
]


@pytest.mark.parametrize("arguments", WHAT_IS_NO_ARGUMENT, ids=str)
def test_arguments_that_are_none(arguments):
    triple = sl.Triple.population(lambda w: w**2, NORMAL, n=1)
    (name,) = arguments
    with pytest.raises(ValueError, match=rf"^{name}: got .*it should be"):
        as_users_call(sl.temper)(triple, **{"particles": 64} | arguments)


@pytest.mark.parametrize("n", ["1", True, 0, -1, np.nan, None])
def test_sample_sizes_that_are_none(n):
    with pytest.raises(ValueError, match=r"^n: got .*positive sample size"):
        as_users_call(sl.Triple.population.__func__)(sl.Triple, lambda w: w**2, NORMAL, n=n)


def test_data_that_single_precision_cannot_hold():
    triple = sl.Triple(lambda w, y: dist.Normal(w, 1e12).log_prob(y), NORMAL, np.array([2**40, 1]))
    with pytest.raises(ValueError, match=r"precision: 'float32' cannot hold data"):
        sl.temper(triple, precision="float32")


def test_a_list_as_one_array():
    with pytest.raises(ValueError, match=r"^y: got a list whose rows differ"):
        as_array([[1], [2, 3]], "y")
