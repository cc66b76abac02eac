"""What users brought written in NumPyro: covariates, masks, scales, factors, imputed values,
handlers round the model.
"""

import json

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import pytest
from numpyro import handlers
from numpyro.contrib.control_flow import scan
from numpyro.infer.reparam import CircularReparam, LocScaleReparam, TransformReparam
from numpyro.infer.util import potential_energy, unconstrain_fn
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

import singlearn as sl
from singlearn.results.caution import Reason
from singlearn.tempering.site_cautions import event_cautions
from singlearn.triple.sites import Sites

X = np.array([0.1, -0.5, 2.0])
Y = np.array([0.5, 1.0, 0.2])
real, positive = dist.constraints.real, dist.constraints.positive


def read(model, *data, **more):
    return sl.Triple.from_numpyro(model, *data, **more)


def mean():
    return numpyro.sample("m", dist.Normal(0.0, 1.0))


def observed_by(distribution):
    """One mean, data X about it, and a site y that a function of the mean distributes."""

    def model(y):
        m = mean()
        numpyro.sample("z", dist.Normal(m, 1.0), obs=X)
        numpyro.sample("y", distribution(m), obs=y)

    return model


def with_prior(prior):
    def model(y):
        numpyro.sample("y", dist.Normal(jnp.sum(numpyro.sample("m", prior())), 1.0), obs=y)

    return model


def free_energy(triple, widest=12.0, points=401):
    """-log ∫ p(y|w(u)) φ(u) du by the trapezoidal rule on a grid of u, for d ≤ 2: exact to many
    digits where the integrand is smooth.
    """
    axis = np.linspace(-widest, widest, points)
    grid = np.stack(np.meshgrid(*[axis] * triple.dimension, indexing="ij"), -1).reshape(
        -1, triple.dimension
    )
    with jax.enable_x64(True):
        u = jnp.asarray(grid)
        log = jax.jit(
            jax.vmap(lambda u: triple.coordinates.log_prob(u) - triple.energy(u, triple.data))
        )(u)
    return -float(logsumexp(np.asarray(log)) + triple.dimension * np.log(axis[1] - axis[0]))


def gaussian(y, covariance):
    return -multivariate_normal(np.zeros(len(y)), covariance).logpdf(y)


# -- what counts as an observation
# --------------------------------------------------------------------------------------------------


def test_a_masked_datum_is_no_observation():
    """Two of five data under handlers.mask: n = 3 and F is that of the other three, whatever the
    two are.
    """
    y = np.array([0.5, 1.0, np.nan, 0.2, -100.0])
    seen = np.array([True, True, False, True, False])

    def model(y):
        m = mean()
        with numpyro.plate("i", 5), handlers.mask(mask=seen):
            numpyro.sample("y", dist.Normal(m, 1.0), obs=y)

    triple = read(model, y)
    assert (triple.n, triple.dimension) == (3, 1)
    assert free_energy(triple) == pytest.approx(gaussian(Y, np.eye(3) + 1), abs=1e-9)


@pytest.mark.parametrize(
    ("distribution", "y", "n"),
    [
        (
            lambda m: dist.MultivariateNormal(m * jnp.ones(2), jnp.eye(2)).mask(
                jnp.array([True, False, True])
            ),
            np.ones((3, 2)),
            2,
        ),
        (
            lambda m: (
                dist.Normal(m * jnp.ones((3, 2)), 1.0)
                .mask(jnp.array([[True, False], [False, False], [True, True]]))
                .to_event(1)
            ),
            np.ones((3, 2)),
            2,
        ),
        (lambda m: dist.Normal(m, 1.0).mask(False), Y, 0),
        (lambda m: dist.Normal(m, 1.0).expand([3]).to_event(1), Y, 1),
        (lambda m: dist.ZeroInflatedPoisson(0.3, jnp.exp(m)), [0, 1, 2], 3),
        (lambda m: dist.Bernoulli(logits=m), Y > 0.4, 3),
        (lambda m: dist.Uniform(0.0, jnp.exp(m)), pd.Series(Y), 3),
    ],
    ids=["rows", "inside events", "all", "one event", "list of counts", "booleans", "series"],
)
def test_n_counts_unmasked_batch_elements(distribution, y, n):
    """One observation per element of the log density that a mask leaves something of; three more
    are in the other site.
    """
    assert read(observed_by(distribution), y).n == 3 + n


def test_one_event_of_many_numbers_is_said_to_be_one_observation():
    """to_event makes one observation of three numbers; two observations of two numbers are none of
    that kind.
    """

    def sites(distribution, y):
        return read(lambda y: numpyro.sample("y", distribution(mean()), obs=y), y).sites

    one = sites(lambda m: dist.Normal(m, 1.0).expand([3]).to_event(1), Y)
    assert [caution.reason for caution in event_cautions(one)] == [Reason.ONE_OBSERVATION]
    assert (
        "'y' is one event of 3 numbers" in event_cautions(Sites.from_dict(one.to_dict()))[0].message
    )
    two = sites(lambda m: dist.Normal(m, 1.0).expand([2, 2]).to_event(1), np.ones((2, 2)))
    assert event_cautions(two) == event_cautions(Sites()) == []


def test_unobserved_responses_are_no_parameters():
    """obs_mask at 20 of 30 responses: their density integrates to one, so that d = 1, n = 20 and F
    is that of the 20.
    """
    y = np.random.default_rng(0).normal(1.0, 1.0, 30)

    def model(y):
        m = mean()
        with numpyro.plate("i", 30):
            numpyro.sample("y", dist.Normal(m, 1.0), obs=y, obs_mask=np.arange(30) >= 10)

    triple = read(model, y)
    assert (triple.n, triple.dimension, triple.coordinates.names()) == (20, 1, ["m"])
    assert free_energy(triple) == pytest.approx(gaussian(y[10:], np.eye(20) + 1), abs=1e-9)


def test_predictions_are_no_parameters_whatever_they_are():
    """A discrete site that hangs on the mean and that nothing observed depends on integrates to
    one; the mean alone is a parameter.
    """

    def model(y):
        m = mean()
        numpyro.sample("y", dist.Normal(m, 1.0), obs=y)
        numpyro.sample("next", dist.Bernoulli(logits=m))

    triple = read(model, Y)
    assert triple.coordinates.names() == ["m"]
    assert free_energy(triple) == pytest.approx(gaussian(Y, np.eye(3) + 1), abs=1e-9)


def imputing(x, y):
    b = numpyro.sample("b", dist.Normal(0.0, 1.0))
    with numpyro.plate("person", 3):
        filled = numpyro.sample("x", dist.Gamma(2.0, 1.0), obs=x, obs_mask=~np.isnan(x))
        numpyro.sample("y", dist.Normal(b * filled, 1.0), obs=y)


def test_imputed_covariates_are_latent():
    """A covariate missing at one of three places (obs_mask): one coordinate, n = 2 + 3, F by
    quadrature over it and b.
    """
    triple = read(imputing, np.array([1.0, np.nan, 2.0]), Y)
    assert (triple.n, triple.dimension) == (5, 2)
    b, missing = np.linspace(-8, 8, 401)[:, None], np.linspace(1e-6, 25, 3001)[None]
    log = norm.logpdf(b) + np.log(missing) - missing + sum(np.log(v) - v for v in (1.0, 2.0))
    log = log + norm.logpdf(Y[0], b) + norm.logpdf(Y[1], b * missing) + norm.logpdf(Y[2], 2 * b)
    exact = -(logsumexp(log) + np.log(0.04 * (missing[0, 1] - missing[0, 0])))
    assert free_energy(triple, widest=15.0, points=301) == pytest.approx(exact, abs=1e-4)


def test_padding_under_a_mask_takes_no_coordinates():
    """Latent and observed values under one mask: the third pair is padding, d and n are those of
    two.
    """
    seen = np.array([True, True, False])

    def model(y):
        m = mean()
        with numpyro.plate("i", 3), handlers.mask(mask=seen):
            numpyro.sample("y", dist.Normal(numpyro.sample("z", dist.Normal(m, 1.0)), 1.0), obs=y)

    triple = read(model, Y)
    assert (triple.n, triple.dimension) == (2, 3)


# -- what has no free energy is refused by its name
# ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prior", "why"),
    [
        (lambda: dist.Normal(0.0, 10.0).mask(False), "mask"),
        (lambda: dist.Normal(0.0, 10.0).expand([2]).mask(False).to_event(1), "mask"),
        (lambda: dist.Normal(0.0, 10.0).expand([3]).mask(jnp.array([True, False, True])), "mask"),
        (
            lambda: dist.TransformedDistribution(
                dist.Normal(0.0, 1.0).mask(False), dist.transforms.ExpTransform()
            ),
            "mask",
        ),
        (lambda: dist.ImproperUniform(positive, (), ()), "improper"),
        (lambda: dist.ImproperUniform(real, (), ()).expand([2]).to_event(1), "improper"),
        (
            lambda: dist.TransformedDistribution(
                dist.ImproperUniform(positive, (), ()), dist.transforms.AffineTransform(1.0, 2.0)
            ),
            "improper",
        ),
        (lambda: dist.Unit(1.0), "factor"),
        (lambda: dist.Delta(2.0, log_density=3.0).expand([2]), "Delta"),
        (lambda: dist.Bernoulli(0.3), "discrete"),
    ],
    ids=[
        "masked",
        "masked event",
        "partly masked",
        "masked inside",
        "improper",
        "expanded",
        "transformed",
        "unit",
        "delta",
        "discrete",
    ],
)
def test_priors_without_a_total_mass_are_refused(prior, why):
    """In a model by the name of the site, and in a tree of priors by the name of the leaf."""
    with pytest.raises(ValueError, match=rf"site 'm'.*{why}"):
        read(with_prior(prior), Y)
    with pytest.raises(ValueError, match=rf"prior.*'m'.*(?i:{why}|point)"):
        sl.Triple(lambda w, y: dist.Normal(jnp.sum(w["m"]), 1.0).log_prob(y), {"m": prior()}, Y)


@pytest.mark.parametrize(
    ("distribution", "y", "message"),
    [
        (lambda m: dist.Unit(m * jnp.ones(3)).to_event(1), np.zeros((3, 0)), "'y' is a factor"),
        (
            lambda m: dist.Unit(m).expand([3]).mask(jnp.array([True, False, True])),
            np.zeros((3, 0)),
            "'y' is a factor",
        ),
        (lambda m: dist.Delta(0.0, log_density=-(m**2)), 0.0, "'y' is observed and a Delta"),
        (lambda m: dist.ImproperUniform(real, (3,), ()), Y, "'y' is observed and improper"),
        (
            lambda m: dist.Normal(m, 1.0),
            np.array([1.0, np.nan, 2.0]),
            r"'y': 1 of 3 .* at \(1,\) is nan",
        ),
        (
            lambda m: dist.Normal(m, 1.0),
            pd.Series([1.0, None, 2.0]),
            r"'y': 1 of 3 .* at \(1,\) is nan",
        ),
        (
            lambda m: dist.Normal(m, 1.0),
            np.ma.array(Y, mask=[0, 1, 0]),
            "'y': 1 of 3 .* masked array",
        ),
        (lambda m: dist.Normal(m, 1.0), np.array(["a", "b", "c"]), "'y': .* dtype"),
        (lambda m: dist.Normal(m * jnp.ones(3), 1.0), Y[:, None], r"'y': .* 9 terms for 3 data"),
        (
            lambda m: dist.Exponential(jnp.exp(m)),
            np.array([0.5, -1.0, 2.0]),
            r"'y': 1 of 3 .* outside the support of Exponential, .*\(1,\)",
        ),
        (
            lambda m: dist.Multinomial(5, probs=jax.nn.softmax(jnp.stack([m, 0.0, 0.0]))),
            np.array([1, 2, 1]),
            "'y': 3 of 3 .* outside the support of MultinomialProbs",
        ),
        (
            lambda m: dist.Dirichlet(jnp.exp(m) * jnp.ones(3)),
            np.array([0.1, 0.2, 0.2]),
            "'y': 3 of 3 .* outside the support of Dirichlet",
        ),
        (
            lambda m: dist.Beta(jnp.exp(m), 1.0),
            np.array([0.5, 0.0, 0.2]),
            r"'y': the density of Beta is infinite at 1 observations, the first at \(1,\)",
        ),
        (lambda m: dist.Normal(m, 1.0).expand([3]).mask(m > 0), Y, "'y': its mask depends on 'm'"),
        (
            lambda m: dist.Normal(0.0, 1.0),
            lambda m: Y - m,
            "'y': its observed value is computed from 'm'",
        ),
    ],
    ids=[
        "unit event",
        "unit mask",
        "delta",
        "improper",
        "nan",
        "series",
        "masked array",
        "words",
        "broadcast",
        "support",
        "counts of another sum",
        "shares of another sum",
        "pole",
        "mask",
        "residual",
    ],
)
def test_observations_without_a_density_or_a_number_are_refused(distribution, y, message):
    """By the name of the site, and the index where there is one."""

    def model():
        m = mean()
        numpyro.sample("y", distribution(m), obs=y(m) if callable(y) else y)

    with pytest.raises(ValueError, match=message):
        read(model)


def _scaled_latent(y):
    with handlers.scale(scale=0.1):
        m = mean()
    numpyro.sample("y", dist.Normal(m, 1.0), obs=y)


def _weighted(y):
    m = mean()
    with handlers.scale(scale=np.array([1.0, 2.0, 3.0])):
        numpyro.sample("y", dist.Normal(m, 1.0), obs=y)


def _factor_in_a_plate(y):
    m = mean()
    with numpyro.plate("i", 3):
        numpyro.factor("f", -0.5 * m**2)
        numpyro.sample("y", dist.Normal(m, 1.0), obs=y)


def _plate_that_scales(y):
    m = mean()
    with numpyro.plate("i", 30, subsample_size=3):
        numpyro.sample("y", dist.Normal(m, 1.0), obs=y)


def _subsampled(y):
    m = mean()
    with numpyro.plate("i", 3, subsample_size=2):
        numpyro.sample("y", dist.Normal(m, 1.0), obs=numpyro.subsample(y, event_dim=0))


def _param(y):
    numpyro.sample("y", dist.Normal(mean(), numpyro.param("s", 1.0, constraint=positive)), obs=y)


def _improper_under_a_reparameterisation(y):
    with handlers.reparam(config={"b": TransformReparam()}):
        flat = dist.ImproperUniform(positive, (), ())
        b = numpyro.sample(
            "b", dist.TransformedDistribution(flat, dist.transforms.AffineTransform(mean(), 1.0))
        )
    numpyro.sample("y", dist.Normal(b, 1.0), obs=y)


def _random_numbers(y):
    noise = jax.random.normal(numpyro.prng_key())
    numpyro.sample("y", dist.Normal(mean() + noise, 1.0), obs=y)


def _numpy_random(y):
    numpyro.sample("y", dist.Normal(mean() + np.random.normal(), 1.0), obs=y)  # noqa: NPY002


def _branch(y):
    m = mean()
    if m > 0:
        numpyro.sample("extra", dist.Normal(0.0, 1.0))
    numpyro.sample("y", dist.Normal(m, 1.0), obs=y)


def _improper_in_a_scan(y):
    def step(carry, own):
        numpyro.sample(
            "y", dist.Normal(numpyro.sample("z", dist.ImproperUniform(real, (), ())), 1.0), obs=own
        )
        return carry, None

    scan(step, mean(), y)


def _two_means(y):
    numpyro.sample("y", dist.Normal(numpyro.sample("b", dist.Normal(mean(), 1.0)), 1.0), obs=y)


def _missing_covariate(y):
    numpyro.sample("y", dist.Normal(mean() * np.array([1.0, np.nan, 2.0]), 1.0), obs=y)


plain = with_prior(lambda: dist.Normal(0.0, 1.0))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (_scaled_latent, r"site 'm' is scaled by 0\.1"),
        (_weighted, "site 'y' is scaled by numbers from 1 to 3"),
        (_factor_in_a_plate, "'f' is a factor statement"),
        (_plate_that_scales, r"plate 'i' is subsampled \(3 of 30\)"),
        (handlers.block(_plate_that_scales, hide=["i"]), "site 'y' is scaled by 10"),
        (_subsampled, r"plate 'i' is subsampled \(2 of 3\)"),
        (_param, "site 's' is a param statement"),
        (
            handlers.reparam(plain, config={"m": LocScaleReparam()}),
            "site 'm_centered' is a param statement",
        ),
        (
            handlers.reparam(
                with_prior(lambda: dist.VonMises(0.0, 1.0)), config={"m": CircularReparam()}
            ),
            "site 'm_unwrapped' is improper",
        ),
        (_improper_under_a_reparameterisation, "site 'b_base' is improper"),
        (_improper_in_a_scan, "site 'z' is improper"),
        (handlers.mask(plain, mask=False), "site 'm' is improper: a mask"),
        (handlers.substitute(plain, data={"m": 1.0}), r"site 'm' .* handlers\.substitute"),
        (
            handlers.block(_two_means, hide=["b"]),
            "'y' depends on random numbers that are not sites",
        ),
        (_random_numbers, "'y' depends on random numbers that are not sites"),
        (_numpy_random, "other values at the same parameters"),
        (_branch, "Python code branches"),
        (with_prior(lambda: dist.Uniform(1.0, 0.0)), "site 'm': its prior density is not finite"),
        (
            with_prior(lambda: dist.ProjectedNormal(jnp.ones(2))),
            "site 'm': NumPyro has no unconstrained coordinates",
        ),
        (_missing_covariate, r"site 'y': .* \(1,\), is NaN"),
        (handlers.uncondition(plain), "no observed site"),
    ],
)
def test_models_that_say_no_likelihood_and_prior_are_refused(model, message):
    """Scales, factors, subsamples, parameters without a prior, randomness that is no site: each by
    name.
    """
    with pytest.raises(ValueError, match=message):
        read(model, Y)


def test_series_whose_rows_are_labelled_differently_are_refused():
    """By the names of both arguments, as arrays of a plain triple are."""

    def model(x, y):
        numpyro.sample("y", dist.Normal(mean() * x, 1.0), obs=y)

    series = pd.Series(X, index=[5, 6, 7]), pd.Series(Y, index=[7, 6, 5])
    with pytest.raises(
        ValueError, match=r"argument y.*its index differs from that of .*argument 0"
    ):
        read(model, series[0], y=series[1])


def test_labels_of_groups_that_count_from_one_are_refused():
    """JAX reads a[2] of two groups as a[1], as if both were one group; labels from 0, or from the
    end, are what they are.
    """

    def model(group, y):
        with numpyro.plate("group", 2):
            a = numpyro.sample("a", dist.Normal(0.0, 1.0))
        numpyro.sample("y", dist.Normal(a[group], 1.0), obs=y)

    with pytest.raises(
        ValueError, match=r"index 2 is out of bounds for an axis of length 2.*from 1\?"
    ):
        read(model, np.array([1, 2, 1]), Y)
    assert read(model, np.array([0, -1, 1]), Y).n == 3


def test_further_data_are_another_triple():
    """The likelihood of a NumPyro model holds its data: with_data would change nothing,
    silently.
    """
    with pytest.raises(ValueError, match="from_numpyro"):
        read(plain, Y).with_data(Y)


# -- what is understood
# --------------------------------------------------------------------------------------------------


def hierarchy(x, y):
    tau = numpyro.sample("tau", dist.HalfCauchy(1.0))
    with numpyro.plate("group", 3):
        theta = numpyro.sample("theta", dist.Normal(0.0, tau))
    with numpyro.plate("i", 3):
        numpyro.deterministic("twice", 2 * theta)
        numpyro.sample("y", dist.Normal(theta + x, 1.0), obs=y)


def dependent_support(x, y):
    a = numpyro.sample("a", dist.HalfNormal(1.0))
    numpyro.sample("y", dist.Normal(x * numpyro.sample("b", dist.Uniform(-a, 2 * a)), 1.0), obs=y)


def state_space(x, y):
    s = numpyro.sample("s", dist.HalfNormal(1.0))

    def step(before, own):
        z = numpyro.sample("z", dist.Normal(before, s))
        r = numpyro.sample("r", dist.Uniform(0.0, jnp.abs(before) + 1.0))
        numpyro.sample("y", dist.Normal(z + r, 1.0), obs=own)
        return z, None

    scan(step, jnp.zeros(()), y)


def two_plates(x, y):
    with numpyro.plate("row", 3, dim=-2):
        a = numpyro.sample("a", dist.LogNormal(0.0, 1.0))
        with numpyro.plate("column", 2) as index:
            numpyro.sample("y", dist.Gamma(a, 1.0), obs=jnp.exp(jnp.stack([x, y], 1))[:, index])


@pytest.mark.parametrize(
    ("model", "d"),
    [
        (hierarchy, 4),
        (handlers.reparam(hierarchy, config={"theta": LocScaleReparam(0.5)}), 4),
        (handlers.scope(handlers.seed(hierarchy, 0), prefix="first"), 4),
        (dependent_support, 2),
        (state_space, 7),
        (two_plates, 3),
    ],
    ids=["plates", "reparam", "seed and scope", "dependent support", "scan", "two plates"],
)
def test_the_joint_density_is_numpyros(model, d):
    """log prior + log likelihood at draws of the prior against NumPyro's own potential energy."""
    triple = read(model, X, Y)
    assert triple.dimension == d

    @jax.jit
    def both(key):
        u = triple.coordinates.sample(key)
        w = triple.coordinates.constrain(u)
        seeded = handlers.seed(model, jax.random.key(0))
        theirs = -potential_energy(seeded, (X, Y), {}, unconstrain_fn(seeded, (X, Y), {}, w))
        return (
            u,
            triple.coordinates.unconstrain(w),
            triple.coordinates.log_prob(u) - triple.energy(u, ()),
            theirs,
        )

    with jax.enable_x64(True):
        u, again, ours, theirs = both(jax.random.key(0))
        other, *_ = both(jax.random.key(1))
    np.testing.assert_allclose(again, u, atol=1e-9)
    assert float(ours) == pytest.approx(float(theirs), abs=1e-9)
    # A model that its user seeded draws anew all the same.
    assert not np.allclose(u, other)


def test_conditioned_lifted_and_intervened_models():
    """condition gives data, lift gives a param its prior, do cuts a site off: F by the Gaussian or
    by quadrature.
    """
    conditioned = handlers.condition(_two_means, data={"y": Y, "b": 1.0})
    assert read(conditioned, None).n == 4
    assert free_energy(read(conditioned, None)) == pytest.approx(
        -norm.logpdf(Y, 1.0).sum() - norm.logpdf(1.0, 0.0, 2**0.5), abs=1e-9
    )
    intervened = read(handlers.do(_two_means, data={"b": 1.0}), Y)
    assert (intervened.n, intervened.coordinates.names()) == (3, ["m"])
    assert free_energy(intervened) == pytest.approx(-norm.logpdf(Y, 1.0).sum(), abs=1e-9)
    lifted = read(handlers.lift(_param, prior={"s": dist.HalfNormal(1.0)}), Y)
    assert (lifted.n, lifted.coordinates.names()) == (3, ["m", "s"])
    fixed = read(handlers.substitute(_param, data={"s": 2.0}), Y)
    assert free_energy(fixed) == pytest.approx(gaussian(Y, 4 * np.eye(3) + 1), abs=1e-9)


@pytest.mark.parametrize(
    "x",
    [
        X,
        X.astype(np.float32),
        pd.Series(X),
        list(X),
        np.array([1, 0, 2]),
        np.array([True, False, True]),
        np.ma.array(X),
    ],
    ids=[
        "float64",
        "float32",
        "series",
        "list",
        "integers",
        "booleans",
        "masked array without masks",
    ],
)
def test_covariates_of_any_array_kind(x):
    """y ~ N(bx, ½), b ~ N(0,1): the Gaussian evidence, in double precision."""

    def model(x, y, noise=None, kind="normal"):
        b = numpyro.sample("b", dist.Normal(0.0, 1.0))
        if kind == "normal" and y.max() > 0.9:  # data and settings may decide, parameters may not
            numpyro.sample("y", dist.Normal(b * x, 1.0 if noise is None else noise), obs=y)

    covariate = np.asarray(x, float)
    exact = gaussian(Y, 0.25 * np.eye(3) + np.outer(covariate, covariate))
    assert free_energy(read(model, x, Y, noise=0.5)) == pytest.approx(exact, abs=1e-9)


def test_arrays_that_numpyro_met_in_single_precision_first():
    """NumPyro's density in float32 before, of arrays that a model closes over: JAX remembers them
    rounded, F does not.
    """
    x, y = X / 3, Y / 3

    def model():
        b = numpyro.sample("b", dist.Normal(0.0, 1.0))
        numpyro.sample("y", dist.Normal(b * x, 0.5), obs=y)

    theirs = jax.jit(lambda b: potential_energy(model, (), {}, {"b": b}))
    theirs(0.5)
    triple = read(model)
    exact = gaussian(y, 0.25 * np.eye(3) + np.outer(x, x))
    assert free_energy(triple) == pytest.approx(exact, abs=1e-9)
    with jax.enable_x64(False):
        single = jax.jit(lambda u: triple.energy(u, ()))(jnp.ones(1))
    right = -norm.logpdf(y, x, 0.5).sum()
    assert single.dtype == jnp.float32
    assert float(single) == pytest.approx(right, rel=1e-6)
    y += 100.0  # a triple is what it was made of
    assert free_energy(triple) == pytest.approx(exact, abs=1e-9)


def test_names_and_cautions_survive_into_results(tmp_path):
    """Plates and named event dimensions are dimensions of the results, also after saving; BIC says
    what it counts of imputed values.
    """
    x = np.array([1.0, np.nan, 2.0])

    def model(x, y):
        imputing(x, y)
        a = numpyro.sample(
            "a", dist.Normal(0.0, 1.0).expand([3]).to_event(1), infer={"event_dims": ["covariate"]}
        )
        with numpyro.plate("chain", 2):  # a name that results have already
            c = numpyro.sample("c", dist.Normal(0.0, 1.0))
        with handlers.mask(mask=np.array([True, False, True])):
            numpyro.sample("z", dist.Normal(a + c.sum(), 1.0), obs=y)
        numpyro.sample("event", dist.Normal(a, 1.0).to_event(1), obs=y)

    triple = read(model, x, Y)
    run = sl.temper(triple, particles=16, replicates=2, seed=0, progress=False, modes=None)
    run.save(tmp_path / "run.nc")
    loaded = type(run).load(tmp_path / "run.nc")
    assert loaded.sites == run.sites == triple.sites
    assert np.array_equal(loaded.posterior.log_likelihood, run.posterior.log_likelihood)
    for one in (run, loaded):
        tree, dimensions = one.to_datatree(), one.sites.dimensions
        posterior, likelihood = tree["posterior"], tree["log_likelihood"]
        assert {name: posterior[name].dims[2:] for name in dimensions} == dimensions
        assert dimensions == {
            "b": (),
            "x_unobserved": ("person",),
            "a": ("covariate",),
            "c": ("c_dim_0",),
        }
        assert list(likelihood.data_vars) == ["x_observed", "y", "z", "event"]
        assert likelihood["y"].dims == ("chain", "draw", "person")
        assert likelihood["event"].dims == ("chain", "draw")
        assert list(likelihood["z_z_dim_0"]) == list(likelihood["x_observed_person"]) == [0, 2]
        total = sum(values.sum(values.dims[2:]) for values in likelihood.data_vars.values())
        np.testing.assert_allclose(-total, tree["sample_stats"]["energy"], rtol=1e-9)
        said = [w.message for w in one.cautions if w.reason == Reason.IMPUTED_OBSERVATIONS]
        assert len(said) == 1
        assert "1 of d = 7" in said[0]
        assert "x_unobserved" in said[0]
    assert run.n == 2 + 3 + 2 + 1
    assert json.loads(json.dumps(run.settings["sites"])) == run.settings["sites"]
