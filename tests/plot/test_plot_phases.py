"""Pictures of phases and of sweeps: axes say what they are, curves pass through what was
measured.
"""

from __future__ import annotations

import io

import numpy as np
import numpyro.distributions as dist
import pytest

import singlearn as sl
from singlearn.results.estimate import Estimate
from singlearn.transitions import PhaseDiagram, PhasePoint, Point


def test_phases_of_a_run() -> None:
    triple = sl.Triple.population(lambda w: 0.5 * (w - 1.0) ** 2, dist.Normal(0.0, 1.0), n=100)
    phases = sl.temper(triple, particles=64, seed=0).phases(lambda w: w > 1.0)
    figure = sl.plot.phases(phases)
    share, free, heat = figure.axes
    assert (
        "P(k)" in share.get_ylabel()
        and "[nats]" in free.get_ylabel()
        and "λ_k" in heat.get_ylabel()
    )
    assert "[1/nat]" in heat.get_xlabel() and heat.get_xscale() == "log"
    ends = {line.get_label(): line.get_ydata()[-1] for line in share.lines}
    for reading in phases.at(1.0):
        assert ends[str(reading.phase)] == pytest.approx(reading.occupancy.value)
    figure.savefig(io.BytesIO(), dpi=40)


def test_phase_diagram() -> None:
    """Two phases whose free energies cross at θ = 0.5, made by hand."""

    def made(theta: float) -> Point:
        gap = 2.0 * (theta - 0.5)
        share = 1 / (1 + np.exp(gap))
        phases = {}
        for name, own, energy in (("a", share, 1.0), ("b", 1 - share, 5.0)):
            free = Estimate(
                -float(np.log(own)), 0.01, (-float(np.log(own)) - 0.01, -float(np.log(own)) + 0.01)
            )
            occupancy, mean, heat = (
                Estimate(float(own), 0.01),
                Estimate(energy, 0.1),
                Estimate(0.5, 0.1),
            )
            phases[name] = PhasePoint(
                1.0, occupancy, free, mean, heat, force=mean, force_deviation=0.5
            )
        e = Estimate(1.0, 0.1)
        return Point(theta, 1.0, 1.0, e, e, e, None, phases, ())

    diagram = PhaseDiagram("width", tuple(made(theta) for theta in (0.0, 0.3, 0.6, 0.9)))
    (transition,) = diagram.transitions
    assert transition.value.value == pytest.approx(0.5) and transition.order == "first order"
    assert transition.slope_jump.value == pytest.approx(-2.0)
    assert transition.latent_heat.value == pytest.approx(-4.0)
    figure = sl.plot.phase_diagram(diagram)
    share, free, slope, heat = figure.axes
    assert (
        "[nats]" in free.get_ylabel()
        and "width" in slope.get_ylabel()
        and heat.get_xlabel() == "width"
    )
    assert "first order" in "".join(text.get_text() for text in share.texts)
    assert any(
        line.get_xdata()[0] == pytest.approx(0.5)
        for line in heat.lines
        if len(line.get_xdata()) == 2
    )
    figure.savefig(io.BytesIO(), dpi=40)
