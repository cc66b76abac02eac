"""Pictures: every axis says what it is and in which unit, and what should be drawn is drawn where
it belongs.
"""

from __future__ import annotations

import io
import math

import matplotlib
import numpy as np
import numpyro.distributions as dist
import pytest

import singlearn as sl
from singlearn.selection import select
from singlearn.selection.predictive import predictive_band, predictive_density

POINTS = np.linspace(-3, 3, 24)


def normal(scale: int) -> sl.Triple:
    """y ~ N(w, K²): a density on a line that compiles in no time."""
    return sl.Triple(
        lambda w, y: dist.Normal(w, float(scale)).log_prob(y), dist.Normal(0.0, 2.0), POINTS
    )


def texts(figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def rendered(figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=40)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def data_run(line_triple):
    return sl.temper(line_triple, particles=64, seed=1)


def test_thermodynamics_of_a_data_run(data_run) -> None:
    style = dict(matplotlib.rcParams)
    figure = sl.plot.thermodynamics(data_run)
    free, energy, heat = figure.axes
    for axes, symbol in ((free, "F(β)"), (energy, "E(β)")):
        assert symbol in axes.get_ylabel() and "[nats]" in axes.get_ylabel()
    assert "heat capacity" in heat.get_ylabel()
    assert "[1/nat]" in heat.get_xlabel() and heat.get_xscale() == "log"
    assert "$d/2$ = 1" in texts(figure) and "hat λ" in texts(figure) and "log n" in texts(figure)
    marks = [
        line.get_xdata()[0]
        for line in free.lines
        if len(line.get_xdata()) == 2 and line.get_linestyle() == ":"
    ]
    assert marks == pytest.approx([1 / math.log(data_run.n)])
    dots = next(line for line in heat.lines if line.get_marker() == "o")
    np.testing.assert_allclose(dots.get_xdata(), data_run.rungs.inverse_temperature[1:])
    assert "n L_n(w_0)" in figure.get_suptitle()
    assert rendered(figure)[:4] == b"\x89PNG"
    assert dict(matplotlib.rcParams) == style


def test_curves_pass_through_what_the_run_says(data_run) -> None:
    free, energy, heat = sl.plot.thermodynamics(data_run).axes
    reference = data_run.reference_energy
    for axes, expected in (
        (free, data_run.free_energy(1.0).value - reference),
        (energy, data_run.energy(1.0).value - reference),
        (heat, data_run.heat_capacity(1.0).value),
    ):
        curve = axes.lines[0]
        assert curve.get_xdata()[-1] == 1.0
        assert curve.get_ydata()[-1] == pytest.approx(expected, rel=1e-9)


def test_thermodynamics_over_twenty_decades() -> None:
    triple = sl.Triple.population(lambda w: 0.5 * w**2, dist.Normal(0.0, 1.0), n=1)
    run = sl.temper(triple, beta_max=1e20, particles=64, replicates=2, seed=1)
    figure = sl.plot.thermodynamics(run)
    _, energy, heat = figure.axes
    assert energy.get_yscale() == "log"
    assert heat.get_ylim()[1] < 5
    assert "log n" not in texts(figure)
    assert all(np.isfinite(line.get_ydata()).all() for axes in figure.axes for line in axes.lines)
    assert rendered(figure)


@pytest.fixture(scope="module")
def groups():
    return select(
        lambda k: normal(k),
        [1, 2],
        particles=64,
        seed=1,
        name="groups",
        description="24 numbers",
    )


@pytest.mark.slow
def test_selection_of_a_density_on_a_line(groups) -> None:
    figure = sl.plot.selection(groups, x_label="position [m]")
    criteria, probability, coefficient, density = figure.axes
    assert "[nats]" in criteria.get_ylabel()
    assert [text.get_text() for text in criteria.get_legend().get_texts()] == [
        "F",
        "WBIC",
        "WAIC",
        "LOO",
        "BIC",
    ]
    heights = [bar.get_height() for bar in probability.patches]
    assert heights == pytest.approx([c.probability.value for c in groups.candidates])
    assert "P(K)" in probability.get_ylabel() and "learning coefficient" in coefficient.get_ylabel()
    assert density.get_xlabel() == "position [m]"
    assert f"K = {groups.best.size}" in density.get_title(loc="left")
    curve = density.lines[0]
    assert np.trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(1, abs=0.1)
    assert rendered(figure)


def test_legends_stand_outside_the_data(groups) -> None:
    figure = sl.plot.selection(groups)
    rendered(figure)
    for axes in figure.axes:
        if axes.get_legend() is not None:
            assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1 - 1


def test_panels_have_letters_and_axes_say_what_they_are(data_run) -> None:
    figure = sl.plot.thermodynamics(data_run)
    letters = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert [letter for letter in letters if letter in ("a", "b", "c", "d")] == ["a", "b", "c"]
    assert figure.axes[-1].get_xlabel().endswith("log axis")


def test_a_predictive_density_lies_within_its_band(groups) -> None:
    at = np.linspace(-4, 4, 5)
    low, high = predictive_band(groups.best.run, at, share=0.998)
    density = predictive_density(groups.best.run, at)
    assert (low < density).all() and (density < high).all()
    # At 0 the density of N(w, 2²) is at most 1/√(8π), which it reaches at w = 0.
    assert high[2] == pytest.approx(1 / math.sqrt(8 * math.pi), rel=1e-3)
