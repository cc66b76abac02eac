"""What users bring as priors, truths, divergences and labellers."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.special import betaln

import singlearn as sl
from singlearn.phases.labeller import label_all
from singlearn.triple.charts import chart_of
from singlearn.triple.coordinates import coordinates_of
from singlearn.triple.intake.truth import outside_support
from singlearn.triple.prior_agreement import check_moved, check_prior, log_mass

NORMAL = dist.Normal(0.0, 1.0)


@pytest.fixture
def unvalidated():
    """NumPyro's own checks are off by default in compiled code, and in what users have switched
    off.
    """
    before = dist.Distribution._validate_args
    dist.Distribution.set_default_validate_args(False)
    yield
    dist.Distribution.set_default_validate_args(before)


def population(prior):
    return sl.Triple.population(lambda w: jnp.sum(w**2), prior, n=1)


EMPTY = {
    "Uniform upside down": (
        lambda: dist.Uniform(1.0, 0.0),
        "support of Uniform is empty.*from 1.0 to 0.0",
    ),
    "within others": (
        lambda: dist.Uniform(0.0, jnp.array([1.0, -1.0])).expand([3, 2]).to_event(1),
        "support of Uniform is empty",
    ),
    "truncation": (lambda: dist.TruncatedNormal(0.0, 1.0, low=2.0, high=1.0), "is empty"),
    "LogUniform": (lambda: dist.LogUniform(2.0, 1.0), "is empty"),
    "two floats": (lambda: dist.Uniform(1e16, 1e16 + 4), "about 2 floating point numbers"),
    "negative scale": (
        lambda: dist.Normal(0.0, -1.0),
        "Normal has scale = -1.0; it should be positive",
    ),
    "one of many": (lambda: dist.HalfNormal(np.array([1.0, 0.0])), "HalfNormal has scale = 0.0"),
    "nan": (lambda: dist.Normal(np.nan, 1.0), "Normal has loc = nan"),
    "infinite": (lambda: dist.Normal(0.0, np.inf), "Normal has scale = inf"),
    "concentration": (lambda: dist.Dirichlet(np.array([1.0, 0.0])), "Dirichlet has concentration"),
    "inside a LogNormal": (lambda: dist.LogNormal(0.0, -1.0), "scale = -1.0"),
    "covariance": (
        lambda: dist.MultivariateNormal(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]])),
        "positive definite",
    ),
    "weights": (
        lambda: dist.MixtureSameFamily(
            dist.Categorical(np.array([0.1, 0.2, 0.6])), dist.Normal(np.zeros(3), 1.0)
        ),
        "sum to one",
    ),
    "improper and expanded": (
        lambda: dist.ImproperUniform(dist.constraints.real, (), ()).expand([2]),
        "improper",
    ),
    "masked": (lambda: dist.Normal(0.0, 1.0).mask(False), "masked"),
    "a point": (lambda: dist.Delta(1.0), "Delta"),
    "no parameter": (lambda: dist.Normal(0.0, 1.0).expand([0]), "no parameters"),
    "rounded": (
        lambda: dist.Normal(jnp.array(1e12), 1.0),
        "single precision, 1000000000000.0 as 999999995904.0",
    ),
}


@pytest.mark.parametrize(("make", "message"), EMPTY.values(), ids=EMPTY)
def test_what_is_no_prior_is_refused_by_leaf(make, message, unvalidated):
    with pytest.raises(ValueError, match=rf"(?s)^prior.*{message}"):
        sl.Triple.population(lambda w: jnp.sum(w["a"] ** 2), {"a": make()}, n=1)


def test_a_range_that_single_precision_does_not_have():
    """LogUniform(1e-300, 1e300): NumPyro takes its logarithms in single precision where they are
    infinite; the range is proper.
    """
    assert population(dist.LogUniform(1e-300, 1e300)).dimension == 1


def test_decimal_weights_that_sum_to_one_but_for_rounding():
    """0.1 + 0.2 + 0.7 is 0.9999999999999999 in floating point, and one."""
    weights = np.array([0.1, 0.2, 0.7])
    assert (
        population(
            dist.MixtureSameFamily(dist.Categorical(weights), dist.Normal(np.zeros(3), 1.0))
        ).dimension
        == 1
    )


def test_what_numpyro_rounded_is_computed_again():
    """A covariance of condition 1e9: its Cholesky factor in single precision loses the determinant.
    Right: the normal density at 0.
    """
    covariance = np.array([[1.0, 1 - 1e-7], [1 - 1e-7, 1.0]])
    coordinates = population(dist.MultivariateNormal(np.zeros(2), covariance)).coordinates
    with jax.enable_x64(True):
        found = float(coordinates.log_prob(jnp.zeros(2)))
    assert found == pytest.approx(
        -math.log(2 * math.pi) - 0.5 * math.log(np.linalg.det(covariance)), abs=1e-6
    )


@pytest.mark.parametrize(
    ("a", "b", "successes"), [(200.0, 0.01, 3), (0.001, 1.0, 2), (1e-3, 1e-3, 10), (0.3, 0.3, 4)]
)
def test_beta_prior_of_small_concentration(a, b, successes):
    """The beta-binomial evidence of ten draws, by quadrature in the chart that is sampled: right to
    rounding where it used to clip.
    """
    chart = chart_of(dist.Beta(a, b))
    with jax.enable_x64(True):
        u = jnp.linspace(-40 / a - 60, 40 / b + 60, 200_001)
        log_p = a * jax.nn.log_sigmoid(u) + b * jax.nn.log_sigmoid(-u) - betaln(a, b)
        np.testing.assert_allclose(
            jax.vmap(chart.log_prob)(u[::20_000]), log_p[::20_000], rtol=1e-9, atol=1e-9
        )
        w = chart.constrain(u)
        likelihood = successes * jnp.log(w) + (10 - successes) * jnp.log1p(-w)
        found = jnp.log(jnp.trapezoid(jnp.exp(log_p + likelihood), u))
        assert bool(
            jnp.isfinite(jax.vmap(chart.sample)(jax.random.split(jax.random.key(0), 64))).all()
        )
    assert float(found) == pytest.approx(
        betaln(a + successes, b + 10 - successes) - betaln(a, b), abs=1e-4
    )


def test_dirichlet_prior_of_small_concentration():
    """Density of the breaks: that of the simplex times the Jacobian. Far in a corner, a weight of
    1e-200 is one, and comes back.
    """
    a = np.array([0.02, 0.3, 0.02])
    chart = chart_of(dist.Dirichlet(a))
    with jax.enable_x64(True):
        u = jnp.array([-1.5, 0.7])
        jacobian = jax.jacobian(lambda v: chart.constrain(v)[:2])(u)
        expected = dist.Dirichlet(a).log_prob(chart.constrain(u)) + jnp.log(
            jnp.abs(jnp.linalg.det(jacobian))
        )
        assert float(chart.log_prob(u)) == pytest.approx(float(expected), abs=1e-10)
        corner = chart.constrain(jnp.array([-460.0, 300.0]))
        assert [float(corner[0]), float(corner[2])] == pytest.approx(
            [math.exp(-460.0), math.exp(-300.0)], rel=1e-9
        )
        np.testing.assert_allclose(chart.unconstrain(corner), [-460.0, 300.0])
        weights = np.asarray(
            jax.jit(jax.vmap(lambda key: chart.constrain(chart.sample(key))))(
                jax.random.split(jax.random.key(0), 4000)
            )
        )
    np.testing.assert_allclose(weights.mean(axis=0), a / a.sum(), atol=4 * 0.5 / math.sqrt(4000))


class Brought:
    """An object prior made of a sampler and a density."""

    def __init__(self, sample, log_prob):
        self.sample, self.log_prob = sample, log_prob


def normal(scale):
    return lambda w: dist.Normal(0.0, scale).log_prob(w).sum()


def in_square(w):
    return jnp.where(jnp.all((w > 0) & (w < 1)), 0.0, -jnp.inf)


def bimodal(w):
    return jnp.logaddexp(
        dist.Normal(3.0, 1.0).log_prob(w), dist.Normal(-3.0, 1.0).log_prob(w)
    ) - math.log(2)


PROPER = {
    "normal": dist.Normal(0.0, 1.0),
    "far from zero": dist.Normal(1e12, 1.0),
    "Cauchy": dist.Cauchy(0.0, 1.0),
    "uniform": dist.Uniform(-1.0, 3.0),
    "beta": dist.Beta(0.01, 0.02),
    "Dirichlet": dist.Dirichlet(np.full(3, 0.3)),
    "gamma": dist.Gamma(0.001),
    "truncated": dist.TruncatedNormal(0.0, 1.0, low=3.0),
    "two modes": dist.MixtureSameFamily(
        dist.Categorical(np.array([0.5, 0.5])), dist.Normal(np.array([-30.0, 30.0]), 1.0)
    ),
    "many": {"a": dist.Normal(0.0, 50.0).expand([60]), "b": dist.HalfNormal(1.0)},
    "walls": Brought(lambda key: jax.random.uniform(key, (2,)), in_square),
    "without its constant": Brought(jax.random.normal, lambda w: -0.5 * w**2),
}


@pytest.mark.parametrize("prior", PROPER.values(), ids=PROPER)
def test_proper_priors_are_never_suspected(prior):
    """Draws and density are of one distribution: walls, heavy tails, modes and a missing constant
    are no disagreement.
    """
    with jax.enable_x64(True):
        coordinates = coordinates_of(prior)
    assert check_prior(coordinates) == ()


AT_ODDS = {
    "width": Brought(jax.random.normal, normal(3.0)),
    "width by a tenth": Brought(jax.random.normal, normal(1.1)),
    "location": Brought(jax.random.normal, lambda w: dist.Normal(0.2, 1.0).log_prob(w)),
    "tail": Brought(jax.random.normal, lambda w: dist.StudentT(3.0, 0.0, 0.85).log_prob(w)),
    "no Jacobian": Brought(
        lambda key: jnp.exp(jax.random.normal(key)),
        lambda w: -0.5 * jnp.log(jnp.maximum(w, 1e-9)) ** 2,
    ),
    "correlation": Brought(
        lambda key: jnp.array([[1.0, 0.0], [0.7, 0.714]]) @ jax.random.normal(key, (2,)),
        normal(1.0),
    ),
    "weights of modes": Brought(
        lambda key: (
            jax.random.normal(key)
            + jnp.where(jax.random.bernoulli(jax.random.split(key)[1], 0.9), 3.0, -3.0)
        ),
        bimodal,
    ),
    "an atom": Brought(lambda key: jnp.maximum(jax.random.normal(key), 0.0), normal(1.0)),
}


@pytest.mark.parametrize("prior", AT_ODDS.values(), ids=AT_ODDS)
def test_priors_at_odds_with_themselves_are_named(prior):
    with jax.enable_x64(True):
        coordinates = coordinates_of(prior)
    (finding,) = check_prior(coordinates)
    assert finding.message.startswith("prior: ")


def test_the_moves_of_a_run_see_a_prior_at_odds_too():
    """Draws N(0,1) after exact moves for N(0,3): spread by what such moves do; the same draws moved
    by their own density are not.
    """
    generator = np.random.default_rng(0)
    before = generator.normal(size=(512, 1))
    proposal, chance = (
        before + generator.normal(size=before.shape),
        generator.uniform(size=before.shape),
    )
    coordinates = population(NORMAL).coordinates
    for scale, is_seen in ((1.0, False), (3.0, True)):
        log_ratio = 0.5 * (before**2 - proposal**2) / scale**2
        after = np.where(np.log(chance) < log_ratio, proposal, before)
        assert bool(check_moved(coordinates, before, after)) == is_seen


def test_a_missing_constant_is_seen_where_it_counts():
    """``exp(-w²/2)`` integrates to √2π. A run from the prior does not need the constant, a local
    run does.
    """
    with jax.enable_x64(True):
        without, within = (
            coordinates_of(PROPER[name]) for name in ("without its constant", "two modes")
        )
    value, error = log_mass(without)
    assert abs(value - 0.5 * math.log(2 * math.pi)) < 4 * error < 0.05
    value, error = log_mass(within)
    assert abs(value) < 4 * error


@pytest.mark.parametrize(
    ("sample", "log_prob", "message"),
    [
        (lambda key: jax.random.normal(key, (3,)), lambda w: -(w**2), "one real number, the sum"),
        (lambda key: jax.random.randint(key, (), 0, 3), lambda w: 0.0, "sample draws int"),
        (lambda key: {"k": key, "w": 0.0}, lambda w: 0.0, "sample draws key"),
        (lambda shape: np.zeros(shape), lambda w: 0.0, "fails with a JAX random key"),
    ],
)
def test_objects_that_are_no_priors(sample, log_prob, message):
    with pytest.raises((ValueError, TypeError), match=rf"^prior: .*{message}"):
        population(Brought(sample, log_prob))


def warned(triple, **more):
    run = sl.temper(
        triple, **{"particles": 64, "replicates": 2, "progress": False, "modes": None} | more
    )
    return {str(w.reason): w.message for w in run.cautions}


def test_a_divergence_without_a_lowest_value():
    """-w²/4 under N(0,1) has no posterior beyond β = 2: a run would never end."""
    with pytest.raises(ValueError, match=r"^kl: K is negative"):
        sl.temper(
            sl.Triple.population(lambda w: -0.25 * w**2, NORMAL, n=1), beta_max=1e3, particles=32
        )


def test_cautions_of_what_was_brought():
    """A K below 0 and draws beyond the range of floats are named on the run, and nothing else
    is.
    """
    negative = sl.Triple.population(lambda w: w**2 - 0.1, NORMAL, n=1)
    assert warned(negative)["negative_energy"].startswith("K is negative")
    overflowing = sl.Triple.population(
        lambda w: jnp.log1p(jnp.log1p(w)), dist.Weibull(1.0, 0.001), n=1
    )
    assert "of the draws of 'w' lie at one point" in warned(overflowing)["saturated_chart"]


@pytest.mark.parametrize(
    ("prior", "truth", "words"),
    [
        (
            dist.Uniform(0.0, 0.3),
            0.1 + 0.2,
            "truth: 0.30000000000000004 .*from 0.0 to 0.3, by rounding only",
        ),
        (
            {"s": dist.HalfNormal(1.0)},
            {"s": -1.0},
            r"truth\['s'\]: -1.0 lies outside the support of its prior: ",
        ),
        (dist.Dirichlet(np.ones(3)), np.array([0.3, 0.3, 0.3]), "outside the support"),
        (dist.Uniform(0.0, 0.3), 0.3, None),
        (dist.Dirichlet(np.ones(3)), np.array([0.1, 0.2, 0.7]), None),
    ],
)
def test_truths_outside_the_support(prior, truth, words):
    found = outside_support(prior, truth)
    assert found is None if words is None else re.search(words, found)


def label(labeller):
    u = np.linspace(-1.0, 1.0, 200)[:, None]
    return label_all(labeller, population(NORMAL).coordinates, u)[0]


@pytest.mark.parametrize(
    ("labeller", "phases"),
    [
        (lambda w: "right" if w > 0 else "left", {"left", "right"}),
        (lambda w: np.array([float(w) > 0, True]), {(False, True), (True, True)}),
        (lambda w: 1.0 if float(w) > 0 else 2.0, {1.0, 2.0}),
        (lambda w: None if float(w) > 0 else 0, {None, 0}),
    ],
)
def test_labels_that_are_phases(labeller, phases):
    assert set(label(labeller)) == phases


@pytest.mark.parametrize(
    ("labeller", "message"),
    [
        (lambda w: math.nan if float(w) > 0 else 1.0, "nan is not equal to itself"),
        (lambda w: (1, math.nan if float(w) > 0 else 0.0), "nan is not equal to itself"),
        (lambda w: float(w), "different phases"),
        (lambda w: (float(w), object())[1], "different phases"),
        (lambda w: ([float(w)],), "should be hashable"),
    ],
)
def test_labels_that_are_none(labeller, message):
    with pytest.raises((ValueError, TypeError), match=rf"^labeller: .*{message}"):
        label(labeller)
