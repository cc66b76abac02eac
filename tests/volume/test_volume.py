"""V(t) against closed forms and quadrature, λ and its error against proofs, and what is said where
V(t) has no such law.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import singlearn as sl
from conftest import truth
from singlearn.models import polynomial
from singlearn.results.caution import Reason
from singlearn.volume.by_nested_sampling import _curve, volume_by_nested_sampling
from singlearn.volume.curve import VolumeCurve, threshold_grid
from singlearn.volume.fit import fit_volume
from singlearn.volume.nested_sampling import NestedSample, _descend

POLYNOMIALS = {
    case["K"]: (float(Fraction(case["lam"])), case["m"])
    for case in truth("polynomials")["polynomials"]
}
POLYNOMIALS["x^2*y^2"] = (0.5, 2)
# Each of the exponents 1/2 of the plane curve and 5/12 of its cusp shows: the hardest of the closed
# forms, and not symmetric.
CUSP = "(x^2-y^3)^2"
POLYNOMIALS[CUSP] = (5 / 12, 1)
SEEDS = {"x^2*y^2": (0,), CUSP: (0, 1)}


def cross(t):
    """K = x²y², uniform on [-1, 1]²: V = √t (1 - log √t)."""
    return math.sqrt(t) * (1 - 0.5 * math.log(t))


def cusp(t):
    """K = (x²-y³)², N(0, 1)²: V = ∫ φ(y) P(y³ - √t < x² < y³ + √t) dy."""
    s = math.sqrt(t)

    def below(square):
        return 2 * norm.cdf(math.sqrt(square)) - 1 if square > 0 else 0.0

    cuts = [-np.cbrt(s), 0.0, np.cbrt(s), 10 * np.cbrt(s), 1.0, 10.0]
    return sum(
        quad(
            lambda y: norm.pdf(y) * (below(y**3 + s) - below(y**3 - s)),
            a,
            b,
            epsabs=1e-14,
            epsrel=1e-9,
            limit=200,
        )[0]
        for a, b in pairwise(cuts)
        if a < b
    )


EXACT = {"x^2*y^2": cross, CUSP: cusp}


@pytest.fixture(scope="module")
def triples():
    box = dist.Uniform(-1.0, 1.0)
    return {K: polynomial(K, prior=box if K == "x^2*y^2" else None) for K in EXACT}


@pytest.fixture(scope="module")
def nested(triples):
    return {
        K: [volume_by_nested_sampling(t, live=400, smallest=1e-10, seed=seed) for seed in SEEDS[K]]
        for K, t in triples.items()
    }


@pytest.fixture(scope="module")
def run(triples):
    return sl.temper(triples[CUSP], beta_max=1e8, particles=256, thin=64, seed=0)


@pytest.fixture(scope="module")
def tempered(run):
    return run.volume()


def z_score(estimate, exact):
    return (estimate.value - exact) / estimate.standard_error


def assert_follows(curve, exact):
    for t in (1e-1, 1e-3, 1e-5, 1e-8):
        log_volume = curve.log_volume(t)
        assert log_volume.standard_error < 0.15
        assert abs(z_score(log_volume, math.log(exact(t)))) < 4


@pytest.mark.parametrize("K", EXACT)
def test_nested_sampling_follows_the_exact_volume(nested, K):
    for curve in nested[K]:
        assert_follows(curve, EXACT[K])
        assert curve.cautions == ()
    # No common bias hides behind the errors: the mean over seeds is right to within its own,
    # smaller error.
    mean = np.mean([curve.log_volume(1e-6).value for curve in nested[K]])
    error = math.sqrt(
        np.mean([curve.log_volume(1e-6).standard_error ** 2 for curve in nested[K]])
        / len(nested[K])
    )
    assert abs(mean - math.log(EXACT[K](1e-6))) < 4 * error


def test_a_tempered_run_follows_the_exact_volume(tempered):
    assert tempered.method == "tempering"
    assert tempered.smallest < 1e-8
    assert_follows(tempered, cusp)


@pytest.mark.parametrize("K", EXACT)
def test_learning_coefficient_by_nested_sampling(nested, K):
    exact, multiplicity = POLYNOMIALS[K]
    for curve in nested[K]:
        told, untold = curve.learning_coefficient(multiplicity), curve.learning_coefficient()
        assert told.standard_error < 0.02
        assert untold.standard_error < 0.05
        assert abs(z_score(told, exact)) < 4
        assert abs(z_score(untold, exact)) < 4
        assert told.multiplicity == multiplicity
        assert untold.standard_error > told.standard_error


def test_learning_coefficient_by_tempering(tempered):
    exact, multiplicity = POLYNOMIALS[CUSP]
    fit = tempered.learning_coefficient(multiplicity)
    assert fit.standard_error < 0.03
    assert abs(z_score(fit, exact)) < 4


def test_influence_function_gives_the_spread_of_replicates(triples):
    """The covariance of a tempered curve is that of independent particles: many replicates spread
    by it, times what mixing costs.
    """
    curve = sl.temper(
        triples[CUSP], beta_max=1e4, particles=64, replicates=32, thin=64, seed=0
    ).volume()
    ratio = curve.log_volumes.std(axis=0, ddof=1) / np.sqrt(np.diag(curve.covariance))
    assert 0.7 < np.median(ratio) < 1.8


@pytest.mark.parametrize(
    ("exponent", "multiplicity", "law"),
    [
        (0.5, 1, lambda t: math.log(math.erf(math.sqrt(t / 2)))),
        (0.5, 2, lambda t: math.log(cross(t))),
        (0.75, 1, lambda t: 0.75 * math.log(t) - math.log(2) + math.log1p(-0.3 * t**0.25)),
        (1.5, 1, lambda t: 1.5 * math.log(t) - math.log(3) + math.log1p(-0.5 * t)),
        (
            0.5,
            3,
            lambda t: (
                0.5 * math.log(t)
                + math.log(1 + 2 - 0.8 * math.log(t) + 0.1 * math.log(t) ** 2)
                - math.log(3)
            ),
        ),
    ],
)
def test_errors_of_the_fit_are_calibrated(exponent, multiplicity, law):
    """Curves with the noise of nested sampling, whose steps are independent: no λ̂ in 20 is off by
    4 standard errors, few by 2.
    """
    t = threshold_grid(1e-12, 0.5)
    mean, live, replicates = np.array([law(float(x)) for x in t]), 2000, 8
    steps = -np.diff(mean[::-1], prepend=0.0)
    variance = np.cumsum(1.4 * steps / live)[::-1]
    scores, errors = [], []
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=(replicates, len(t))) * np.sqrt(
            1.4 * steps / live
        )
        curves = mean + np.cumsum(noise, axis=1)[:, ::-1]
        fit = fit_volume(t, curves, np.minimum.outer(variance, variance), 3, multiplicity)
        scores.append(z_score(fit, exponent))
        errors.append(fit.standard_error)
    assert np.abs(scores).max() < 4
    assert np.mean(np.abs(scores) > 2) < 0.15
    assert np.max(errors) < 0.03


def exact_curve(exponent, dimension, constant=1.0, smallest=1e-10):
    t = threshold_grid(smallest, 0.5)
    log_volumes = np.array([math.log(constant) + exponent * np.log(t)] * 2)
    variance = -log_volumes[0] / 1000
    return VolumeCurve(
        t,
        log_volumes,
        np.minimum.outer(variance, variance),
        dimension,
        "nested_sampling",
        "by hand",
    )


def test_codimension_and_entropy_of_a_minimally_singular_model():
    """K = 4 x² + 9 y² in four dimensions, uniform prior of density 1: d' = 2, V = πt/√36."""
    curve = exact_curve(1.0, 4, math.pi / 6)
    assert curve.codimension(1e-6).value == pytest.approx(2)
    assert curve.codimension(1e-6, a=0.01).value == pytest.approx(2)
    assert curve.flat_directions(1e-6).value == pytest.approx(2)
    # (4.4): (d - d')/2 log t + ½ Σ log c_i, up to the volume of the unit disc.
    assert curve.entropy(1e-6).value == pytest.approx(
        math.log(1e-6) + 0.5 * math.log(4 * 9) - math.log(math.pi)
    )
    assert curve.flat_entropy(1e-6).value == pytest.approx(math.log(1e-6))
    assert curve.learning_coefficient(1).value == pytest.approx(1)
    regular = exact_curve(2.0, 4)
    assert regular.entropy(1e-8).value == pytest.approx(regular.entropy(1e-2).value)
    assert (
        2 * math.sqrt(curve.covariance[0, 0]) > curve.log_volume(curve.smallest).standard_error > 0
    )


def test_summary_lines_up():
    text = exact_curve(1.0, 4).summary()
    header, *rows = [row for row in text.splitlines() if row.startswith(("  t ", "  1e"))]
    assert header.split("   ")[-1].strip() == "of it flat"
    assert len(rows) == 9
    assert all(row.index("2.00") == header.index("codimension") for row in rows)
    assert "λ = 1.0" in text and "m = 1" in text
    document = exact_curve(1.0, 4).to_dict()
    assert document["learning_coefficient"]["multiplicity"] == 1
    assert document["decades"][0]["codimension"]["value"] == pytest.approx(2)


def test_out_of_range_is_refused():
    curve = exact_curve(1.0, 4)
    with pytest.raises(
        ValueError, match=r"t: got 1e-12; V\(t\) was measured for t from 1e-10 to 0\.398"
    ):
        curve.log_volume(1e-12)
    with pytest.raises(ValueError, match=r"a: got 1\.0;"):
        curve.codimension(1e-6, a=1)
    with pytest.raises(ValueError, match="multiplicity: got 0"):
        curve.learning_coefficient(0)
    with pytest.raises(ValueError, match=r"over 1\.\d decades of t"):
        exact_curve(1.0, 4, smallest=1e-2).learning_coefficient()


def test_few_decades_are_named():
    reasons = [w.reason for w in exact_curve(1.0, 4, smallest=1e-4).learning_coefficient().cautions]
    assert set(reasons) == {Reason.TOO_FEW_DECADES, Reason.MULTIPLICITY_UNCERTAIN}


def test_more_than_half_the_dimension_is_named():
    assert [w.reason for w in exact_curve(1.0, 1).learning_coefficient().cautions] == [
        Reason.ABOVE_HALF_DIMENSION
    ]


def test_triples_with_data_are_refused(line_triple, run):
    with pytest.raises(ValueError, match="only a population triple has"):
        volume_by_nested_sampling(line_triple)
    with pytest.raises(ValueError, match="this run has data"):
        replace(run, settings={**run.settings, "is_population": False}).volume()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"live": 51}, "live: got 51"),
        ({"replicates": 1}, "replicates: got 1"),
        ({"smallest": 0.0}, "smallest: got 0.0"),
        ({"slices": 0}, "slices: got 0"),
    ],
)
def test_arguments_are_checked(triples, arguments, message):
    with pytest.raises(ValueError, match=message):
        volume_by_nested_sampling(triples[CUSP], **arguments)


def descended(divergence, radius, live=400, replicates=4):
    """A curve for K(|w|), w ~ N(0, 1), as ``volume_by_nested_sampling`` makes it, with exact draws
    in the place of slices.
    """

    def state(w):
        return SimpleNamespace(particles=SimpleNamespace(loglikelihood=-divergence(w)), w=w)

    def one(seed):
        random = np.random.default_rng(seed)

        def step(key, now):
            order = np.argsort(-divergence(now.w))
            threshold = divergence(now.w)[order[live // 2 - 1]]
            inside = norm.cdf(radius(threshold)) - 0.5
            new = norm.ppf(0.5 + random.uniform(-inside, inside, size=live // 2))
            half = np.zeros(live // 2)
            made = SimpleNamespace(
                start=random.uniform(size=live // 2),
                end=divergence(new),
                unmoved=half,
                shrunk=1 + half,
            )
            return state(np.concatenate([now.w[order[live // 2 :]], new])), SimpleNamespace(
                update_info=made
            )

        return _descend(
            lambda key: state(random.normal(size=live)),
            step,
            jax.random.key(seed),
            1e-12,
            lambda *way: None,
        )

    triple = sl.Triple.population(lambda w: w**2, dist.Normal(0.0, 1.0), n=1, name="exact draws")
    return _curve(triple, [one(seed) for seed in range(replicates)], 1e-12)


def test_exact_draws_give_the_exact_volume():
    curve = descended(lambda w: w**2, math.sqrt)
    assert curve.seen == () and curve.smallest == pytest.approx(1e-12)
    for t in (1e-2, 1e-6, 1e-11):
        assert abs(z_score(curve.log_volume(t), math.log(math.erf(math.sqrt(t / 2))))) < 4


def test_a_divergence_without_zero_is_named():
    curve = descended(lambda w: w**2 + 0.01, lambda t: math.sqrt(t - 0.01))
    assert [w.reason for w in curve.seen] == [Reason.NO_ZERO]
    assert curve.smallest >= 0.01
    with pytest.raises(ValueError, match="decades"):
        curve.learning_coefficient()


def test_a_fat_zero_set_is_named():
    """K vanishes on |w| < 1/2: V(t) stays above P(|w| < 1/2), and λ is 0."""
    curve = descended(lambda w: np.maximum(np.abs(w) - 0.5, 0.0) ** 2, lambda t: 0.5 + math.sqrt(t))
    assert [w.reason for w in curve.seen] == [Reason.PLATEAU]
    assert abs(z_score(curve.volume(1e-11), 2 * norm.cdf(0.5) - 1)) < 4


def test_a_step_in_the_divergence_is_named():
    """K = 10⁻⁴ on |w| < 1/2, where V jumps."""
    curve = descended(lambda w: np.where(np.abs(w) < 0.5, 1e-4, w**2), math.sqrt)
    assert [w.reason for w in curve.seen] == [Reason.PLATEAU]
    assert curve.smallest > 1e-4


def test_a_constant_or_infinite_divergence_is_refused():
    with pytest.raises(ValueError, match="K is constant, 2,"):
        descended(lambda w: 0 * w + 2.0, math.sqrt)
    with pytest.raises(ValueError, match="K is infinite"):
        descended(lambda w: np.where(np.abs(w) < 0.3, w**2, np.inf), math.sqrt)


def test_an_infinite_divergence_on_some_of_the_prior_is_no_obstacle():
    curve = descended(lambda w: np.where(np.abs(w) < 1, w**2, np.inf), math.sqrt)
    assert curve.seen == ()
    assert abs(z_score(curve.log_volume(1e-4), math.log(math.erf(math.sqrt(1e-4 / 2))))) < 4


def by_hand(**changes):
    """Two replicates that halve 30 times from K = 1, as ``nested_samples`` would report them."""
    deaths = np.concatenate([2.0 ** -(2 * stage + np.arange(500) / 250) for stage in range(30)])
    stages = np.full(30, 0.1)
    plain = {
        "deaths": deaths,
        "live": np.tile(1000.0 - np.arange(500), 30),
        "bottom": 1e-12,
        "rank_correlation": stages,
        "unmoved": 0 * stages,
        "shrunk": 1 + 0 * stages,
        "most_negative": 0.0,
        "zero_share": 0.0,
        "stop": "reached",
    }
    return [NestedSample(**{**plain, **changes}) for _ in range(2)]


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        ({"rank_correlation": np.full(30, 0.9)}, [Reason.POOR_MIXING]),
        ({"unmoved": np.full(30, 0.5)}, [Reason.POOR_MIXING]),
        ({"shrunk": np.full(30, 0.5)}, [Reason.POOR_MIXING]),
        ({"stop": "plateau", "bottom": 1e-6}, [Reason.PLATEAU]),
        ({"zero_share": 0.5}, [Reason.PLATEAU]),
        ({"most_negative": -1e-9}, [Reason.ROUNDING]),
        ({"stop": "stalled", "bottom": 1e-6}, [Reason.NO_ZERO]),
    ],
)
def test_what_went_wrong_is_said(triples, changes, reasons):
    curve = _curve(triples[CUSP], by_hand(**changes), 1e-12)
    assert [w.reason for w in curve.seen] == reasons
    assert curve.smallest >= 0.999 * max(
        changes.get("bottom", 0.0), -100 * changes.get("most_negative", 0.0)
    )


def test_a_negative_divergence_is_refused(triples):
    with pytest.raises(ValueError, match=r"K is -0\.1 somewhere"):
        _curve(triples[CUSP], by_hand(most_negative=-0.1), 1e-12)


def test_replicates_in_different_places_are_named():
    curve = exact_curve(1.0, 4)
    apart = VolumeCurve(
        curve.thresholds,
        curve.log_volumes * [[1.0], [1.3]],
        curve.covariance,
        4,
        "nested_sampling",
        "apart",
    )
    assert [w.reason for w in apart.cautions] == [Reason.POOR_MIXING]


def test_picture(nested, tempered):
    figure = sl.plot.volume([nested[CUSP][0], tempered], multiplicity=1)
    top, bottom = figure.axes
    assert "V(t)" in top.get_ylabel() and "[nats]" in bottom.get_xlabel()
    assert (top.get_xscale(), top.get_yscale()) == ("log", "log")
    assert (
        "nested sampling: λ" in figure.get_suptitle() and "tempered run: λ" in figure.get_suptitle()
    )
    measured = next(drawn for drawn in top.lines if drawn.get_label() == "$V(t)$, nested sampling")
    for t, v in zip(measured.get_xdata()[::20], measured.get_ydata()[::20], strict=True):
        assert v == pytest.approx(cusp(float(t)), rel=0.5)
    assert "$d$ = 2" in [text.get_text() for text in bottom.texts]
    figure.savefig(io.BytesIO(), dpi=40)
    with pytest.raises(ValueError, match="of one triple"):
        sl.plot.volume([nested[CUSP][0], exact_curve(1.0, 4)])
