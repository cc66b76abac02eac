"""A small instance of every exported answer, made without sampling wherever that is possible.

``MADE`` says for each class how; classes that are no answers but what answers are asked with are in
``BROUGHT``.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpyro.distributions as dist
import torch

import singlearn as sl
from singlearn.experiments.experiment import ExperimentResult
from singlearn.flow.predictions import Predicted, Prediction
from singlearn.generalise.free_energy_growth import Growth
from singlearn.measure import criteria
from singlearn.measure.ladder_view import LadderView
from singlearn.results import Caution, Estimate, Reason
from singlearn.selection.replicated_data import Checked
from singlearn.tempering.posterior import Posterior
from singlearn.tempering.rungs import Rungs
from singlearn.transitions.hysteresis import Branch, Hysteresis
from singlearn.transitions.point import PhasePoint, Point
from singlearn.volume.curve import VolumeCurve, threshold_grid

sys.path.insert(0, str(Path(__file__).parent))
from instances_of_chains import OF_CHAINS
from instances_of_networks import OF_NETWORKS

NUMBER = Estimate(1.5, 0.1, (1.4, 1.6))
DOUBT = Caution(Reason.POOR_MIXING, "2 of 20 rungs kept 0.9 of their rank correlation")
PARTICLES = 32


@functools.cache
def rungs() -> Rungs:
    """A ladder as a regular model with one parameter would leave it: β E is Gamma(1/2)."""
    rng = np.random.default_rng(0)
    beta = np.array([0.0, *np.geomspace(0.01, 1.0, 12)])
    particles = rng.normal(size=(13, 2, PARTICLES, 1)) / np.sqrt(1 + 40 * beta)[:, None, None, None]
    energies = 20 * particles[..., 0] ** 2 + 30.0
    ones, whole = np.ones(13), np.tile(np.arange(PARTICLES), (13, 1))
    steps = -0.5 * np.diff(np.log(1 + 40 * beta), prepend=0.0) - 30 * np.diff(beta, prepend=0.0)
    return Rungs(
        beta,
        particles,
        whole,
        _ancestors(beta, energies),
        energies,
        np.stack([steps, steps], axis=1),
        0.6 * np.ones((13, 2)),
        0.5 * ones,
        ones.astype(int),
        ones.astype(int),
        0.1 * ones,
        0.0 * ones,
        ones,
        ones.astype(int),
        0.01 * ones,
    )


def _ancestors(beta: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Whom each particle descends from, had every rung been resampled by its weights."""
    found = np.tile(np.arange(PARTICLES), (*energies.shape[:2], 1))
    for k, replicate in np.ndindex(len(beta) - 1, energies.shape[1]):
        weights = np.exp(-(beta[k + 1] - beta[k]) * energies[k, replicate])
        shares = np.cumsum(weights / weights.sum())
        places = (np.arange(PARTICLES) + 0.5) / PARTICLES
        found[k + 1, replicate] = np.minimum(np.searchsorted(shares, places), PARTICLES - 1)
    return found


@functools.cache
def triple() -> sl.Triple:
    """What the ladder belongs to."""
    data = np.linspace(-1.0, 1.0, 40)
    return sl.Triple(
        lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), data, name="normal"
    )


@functools.cache
def view() -> LadderView:
    """All of its rungs together."""
    own = rungs()
    return LadderView(own.inverse_temperature, own.energies, own.ancestor)


def run() -> sl.Run:
    """The run that would have left it, loaded without its triple."""
    own = rungs()
    draws = own.particles[-1, :, :, 0]
    log_likelihood = -0.5 * (np.linspace(-1.0, 1.0, 40) - draws[..., None]) ** 2
    last = np.full((2, PARTICLES), 12, dtype=np.int32)
    place = np.tile(np.arange(PARTICLES, dtype=np.int32), (2, 1))
    settings = {
        "name": "normal",
        "n": 40.0,
        "dimension": 1,
        "is_population": False,
        "beta_max": 1.0,
        "particles": PARTICLES,
        "replicates": 2,
        "seed": 0,
        "target_ess": 0.6,
        "thin": 1,
        "precision": "float64",
    }
    posterior = Posterior(1.0, {"w": draws}, own.energies[-1], log_likelihood, last, place)
    return sl.Run(own, settings, posterior, None, None, view())


@functools.cache
def phases() -> Any:
    """Its particles by their sign."""
    own = rungs()
    return sl.phases.Phases.of(triple(), view(), own.particles, own.kept, lambda w: w > 0)


def volume() -> VolumeCurve:
    """K = w₁² in a plane."""
    t = threshold_grid(1e-8, 1.0)
    log_v = np.log(0.5 * np.sqrt(t))[None]
    covariance = 1e-12 * np.eye(len(t))
    return VolumeCurve(t, log_v, covariance, 2, "nested_sampling", "line", (DOUBT,))


@functools.cache
def loo() -> criteria.Loo:
    """LOO of the draws of the run."""
    likelihood = run().posterior.log_likelihood
    assert likelihood is not None
    return criteria.loo(likelihood)


def candidate(size: int = 2) -> Any:
    """One model with everything there is."""
    return sl.selection.Candidate(
        size, NUMBER, Estimate(0.5, 0.1), NUMBER, run().waic(), loo(), 2.0 + size, True, 1.0,
        Estimate(0.5, 0.1), None, 1.0, (DOUBT,), run(),
    )  # fmt: skip


def point(value: float = 0.5) -> Point:
    """One run of a sweep with a phase that was seen and one that was not."""
    seen = PhasePoint(0.9, Estimate(0.8, 0.05, (0.8, 0.8)), NUMBER, NUMBER, NUMBER)
    return Point(
        value, 40.0, 1.0, NUMBER, NUMBER, NUMBER, NUMBER,
        {"a": seen, "b": PhasePoint(0.01, None, None, None, None)}, (DOUBT,),
    )  # fmt: skip


def branch(direction: str, share: float) -> Branch:
    """One direction of a sweep."""
    shares = ({"a": Estimate(share, 0.01)}, {"a": Estimate(1 - share, 0.01)})
    return Branch(direction, (0.0, 1.0), (NUMBER, NUMBER), shares)


def curve_point(n: int, missing: bool = False) -> Any:
    """One method at one size, over three data sets."""
    errors = (None if missing else 0.5 / n, 0.6 / n, 0.7 / n)
    why = ("the Hessian is not positive definite" if missing else "", "", "R̂ is 1.2")
    return sl.generalise.CurvePoint("MLE", n, errors, why, {"WAIC": (0.1, 0.2, 0.3)})


def learning_curve() -> Any:
    """Two methods at two sizes, one of which has no answer once."""
    points = {
        "MLE": tuple(curve_point(n) for n in (50, 100)),
        "Laplace": tuple(curve_point(n, missing=True) for n in (50, 100)),
    }
    return sl.generalise.LearningCurve("normal", (50, 100), points, True)


def phase_ledger() -> Any:
    """Two phases that change places."""
    account, ledger = sl.phases.PhaseAccount, sl.phases.PhaseLedger
    accounts = (
        account("a", Estimate(0.8, 0.1), 1.0, Estimate(0.5, 0.1), 1.0, NUMBER, NUMBER),
        account("b", Estimate(1.9, 0.1), 0.5, Estimate(0.9, 0.1), 0.5, NUMBER, NUMBER),
    )
    crossing = sl.phases.Crossing("a", "b", 100.0, 50.0, float("inf"))
    return ledger("normal", 40.0, 1.0, accounts, (crossing,))


PAIR = {"W1": np.array([[2.0]]), "W2": np.array([[1.0]])}


@functools.cache
def laws() -> Any:
    """Of two linear layers with one weight each: a² - b²."""
    return sl.flow.laws([PAIR["W1"], PAIR["W2"]], activation="linear")


@functools.cache
def module() -> Any:
    """The same pair in PyTorch."""
    net = torch.nn.Sequential(
        torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    ).double()
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), (2.0, 1.0), strict=True):
            parameter.fill_(value)
    return net


@functools.cache
def book() -> Any:
    """Its ledger after one step."""
    net = module()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    found = sl.flow.ledger(net, optimiser)
    (net(torch.ones(1, 1, dtype=torch.float64)) - 1).square().sum().backward()
    optimiser.step()
    return found


def stored_book() -> Any:
    """Books as they come from a file."""
    head = {"optimizer": "SGD", "every": 1, "laws": ["a"]}
    return sl.flow.StoredLedger(head, [])


def timeline() -> Any:
    """Two checkpoints between which a node dies."""
    role = list(sl.flow.NodeRole)
    points = tuple(
        sl.flow.TimelinePoint(
            float(k), f"step {k}", (sl.flow.NodeAtCheckpoint(0, 0, role[k], (), 0.1),), (1,), None,
            None, 2, 1, 1, {"a": (1.0, 2.0)}, 0.5, "digest",
        )
        for k in range(2)
    )  # fmt: skip
    return sl.flow.Timeline(points, 0.1, "given", "mean square", 9, ("hidden kinks",))


def benchmark_trial() -> sl.benchmark.BenchmarkTrial:
    """A run that was off by three claimed errors and said nothing."""
    off = sl.benchmark.ClaimAgainstTruth("free_energy", 1.0, "", 1.3, 0.1, 1.0, 0.0)
    return sl.benchmark.BenchmarkTrial(
        "mine", "binomial", 100, 0, (off,), 100, None, 1.0, (DOUBT,), None
    )


MADE: dict[str, Callable[[], Any]] = {
    "benchmark.Calibration": lambda: sl.benchmark.BenchmarkScores((benchmark_trial(),)).calibration(
        "mine"
    ),
    "benchmark.ClaimAgainstTruth": lambda: benchmark_trial().comparisons[0],
    "benchmark.KnownCoefficient": lambda: sl.benchmark.KnownCoefficient("1/2", 2, "a theorem"),
    "benchmark.KnownValue": lambda: sl.benchmark.load("binomial").known[0],
    "benchmark.Outcome": lambda: sl.benchmark.Outcome(-1.0, 0.1, cautions=(DOUBT,)),
    "benchmark.Phase": lambda: sl.benchmark.Phase("right", "x", above=0.0),
    "benchmark.Problem": lambda: sl.benchmark.load("binomial"),
    "benchmark.ClaimedNumber": lambda: sl.benchmark.ClaimedNumber("energy", 1.0, 2.0, 0.1),
    "benchmark.BenchmarkScores": lambda: sl.benchmark.BenchmarkScores((benchmark_trial(),)),
    "benchmark.BenchmarkTrial": benchmark_trial,
    "results.Estimate": lambda: NUMBER,
    "tempering.Run": run,
    "tempering.Rungs": rungs,
    "tempering.RunFrom": lambda: sl.tempering.RunFrom(
        "normal",
        "w > 0",
        1.0,
        NUMBER,
        NUMBER,
        NUMBER,
        0.1,
        rungs().particles[-1],
        rungs(),
        (DOUBT,),
    ),
    "phases.Phases": phases,
    "phases.PhaseReading": lambda: phases().at(1.0)[0],
    "phases.PhaseLedger": phase_ledger,
    "phases.PhaseAccount": lambda: phase_ledger().accounts[0],
    "phases.Crossing": lambda: sl.phases.Crossing("a", "b", 100.0, 50.0, float("inf")),
    "volume.VolumeCurve": volume,
    "volume.VolumeFit": lambda: volume().learning_coefficient(),
    "selection.Candidate": candidate,
    "selection.Difference": lambda: sl.selection.difference(loo(), loo()),
    "selection.Selection": lambda: sl.selection.Selection(
        "galaxies", "82 velocities", tuple(candidate(size) for size in range(1, 7))
    ),
    "transitions.Point": point,
    "transitions.PhasePoint": lambda: point().phases["a"],
    "transitions.PhaseDiagram": lambda: sl.transitions.PhaseDiagram(
        "θ", tuple(point(value) for value in np.linspace(0, 1, 30))
    ),
    "transitions.Transition": lambda: sl.transitions.Transition(
        NUMBER, "a", "b", "first order", NUMBER, NUMBER, "two separate peaks"
    ),
    "transitions.HeatCapacityPeak": lambda: sl.transitions.HeatCapacityPeak(0.5, NUMBER),
    "transitions.Branch": lambda: branch("up", 0.2),
    "transitions.Hysteresis": lambda: Hysteresis("θ", branch("up", 0.2), branch("down", 0.7)),
    "generalise.CurvePoint": lambda: curve_point(50),
    "generalise.LearningCurve": learning_curve,
    "generalise.Growth": lambda: Growth(50, 100, NUMBER, NUMBER, NUMBER),
    "generalise.Slope": lambda: sl.generalise.Slope(0.5, 0.1, NUMBER, 0.99, NUMBER),
    "generalise.PredictiveDivergence": lambda: sl.generalise.PredictiveDivergence(
        float("inf"), float("nan"), 3, 100
    ),
    "generalise.Fitted": lambda: sl.generalise.Fitted(None, "no answer", {"WAIC": 1.0}),
    "generalise.Predictor": lambda: sl.generalise.predictive(triple(), np.zeros(3)),
    "generalise.PointEstimate": lambda: sl.generalise.PointEstimate(
        {"w": np.zeros(2)}, np.zeros(2), 1.0, 1.0, 0.0, True, triple()
    ),
    "generalise.Laplace": lambda: sl.generalise.Laplace(
        triple(), np.zeros(1), np.eye(1), np.ones(1), 0.0, 0.0, 1.0
    ),
    "generalise.NutsChains": lambda: sl.generalise.NutsChains(
        np.zeros((8, 1)), np.zeros((2, 4)), 1.2, 3.0, 1, triple()
    ),
    "experiments.ExperimentResult": lambda: ExperimentResult(
        [{"model": "a", "λ": 0.5}],
        [{"model": "a", "reason": "llc", "message": "λ̂ depends on γ"}],
        "model  λ\na  0.5",
        [Path("a.png")],
    ),
    "flow.Law": lambda: laws().laws[0],
    "flow.Laws": laws,
    "flow.Broken": lambda: sl.flow.Broken(laws().laws[0], "the ε of a norm", lambda *_: 0.1),
    "flow.Count": lambda: sl.flow.count({"kind": "linear_chain", "widths": [2, 3, 2]}),
    "flow.Balance": lambda: sl.flow.balance(list(PAIR.values()), what="weights", activation="relu"),
    "flow.Orbit": lambda: sl.flow.orbit(PAIR, laws()[0]),
    "flow.Moved": lambda: sl.flow.orbit(PAIR, laws()[0]).move_to(0.0),
    "flow.PolynomialLaws": lambda: sl.flow.polynomial_laws(["a*b"], 2),
    "flow.PolynomialLaw": lambda: sl.flow.polynomial_laws(["a*b"], 2).laws[0],
    "flow.GradientFlow": lambda: sl.flow.GradientFlow(
        np.array([0.0, 1.0]), {"w": np.zeros((2, 2))}, np.array([1.0, 0.5]), (), (), (DOUBT,)
    ),
    "flow.InitialSymmetry": lambda: sl.flow.InitialSymmetry(
        "O(d)",
        "Gaussian",
        8,
        1,
        "normal",
        None,
        np.zeros(1),
        np.zeros(1),
        float("inf"),
        0.5,
        0.5,
        9,
    ),
    "flow.SymmetryAlong": lambda: sl.flow.SymmetryAlong(
        "training", ("start", "end"), np.zeros((2, 3)), np.array([0.5, 1e-9]), 8, 20
    ),
    "flow.Prediction": lambda: Prediction(
        (Predicted(laws().laws[0], np.arange(2), np.ones((2, 1)), np.ones((2, 1)), None),)
    ),
    "flow.Ledger": book,
    "flow.Account": lambda: book().accounts[0],
    "flow.StoredLedger": stored_book,
    "flow.Timeline": timeline,
    "flow.TimelinePoint": lambda: timeline().points[0],
    "flow.NodeAtCheckpoint": lambda: timeline().points[0].nodes[0],
    "flow.Event": lambda: timeline().events[0],
    "generalise.LocationAtN": lambda: sl.generalise.location_model(100, 4.0),
    "generalise.Level": lambda: sl.generalise.Level("not level", 0.3, 0.01, 2.0, (DOUBT,)),
    "exact.ExactCoefficient": lambda: sl.exact.rlct("x^2"),
    "exact.Certificate": lambda: sl.exact.rlct("x^2").certificate,
    "exact.MinimalSingularity": lambda: sl.exact.minimally_singular(
        sl.exact.ReducedRank(inputs=2, outputs=2, hidden=2, rank=2)
    ),
    "exact.ZetaFunction": lambda: sl.exact.zeta_function("x^2*y^2"),
    "exact.catalogue.CatalogueTable": lambda: sl.exact.catalogue.table(),
    "exact.catalogue.Entry": lambda: sl.exact.catalogue.table()["reduced-rank-local"],
    "exact.AsymptoticLaw": lambda: sl.exact.zeta_function("x^2*y^2").volume_law,
    "exact.LaurentPole": lambda: sl.exact.zeta_function("x^2*y^2").poles[0],
    "exact.Pole": lambda: sl.exact.zeta("x^2*y^2")[0],
    "exact.VolumeLaw": lambda: sl.exact.volume("x^2*y^2"),
    "exact.Stratum": lambda: sl.exact.Stratum("B = 0", 2, 2, True),
    "exact.Verdict": lambda: sl.exact.verify(sl.exact.rlct("x^2").certificate),
    "exact.catalogue.FibreStratum": lambda: sl.exact.catalogue.reduced_rank_strata(1, 1, 1, 0)[0],
    "selection.PredictiveCheck": lambda: sl.selection.PredictiveCheck(
        "galaxies", (Checked("variance", 1.0, 2.0, 0.1, Estimate(0.999, 0.0)),)
    ),
    "tempering.LocalGold": lambda: sl.tempering.LocalGold(
        0.5, 0.1, NUMBER, 20.0, 10.0, 50, run(), (DOUBT,)
    ),
    **OF_NETWORKS,
    **OF_CHAINS,
}

BROUGHT = {
    "benchmark.CountedLikelihood": "a likelihood that counts",
    "benchmark.ParameterPrior": "a prior",
    "benchmark.families.LikelihoodFamily": "a log likelihood, written twice",
    "exact.Expression": "a polynomial",
    "exact.ReducedRank": "a model",
    "exact.TrueSetChart": "a chart of the true parameters",
    "exact.WorkedExample": "a model",
    "experiments.Experiment": "a name and a function to run",
    "explore.Explorer": "a page",
    "flow.Architecture": "a network, as it is described",
    "flow.Balanced": "an optimiser",
    "flow.Layer": "a layer, as it is described",
    "generalise.Descent": "how to minimise",
    "models.MixturePrior": "a prior",
    "phases.NodeRoles": "a label",
    "phases.Orientation": "a label",
    "phases.ReluPhase": "a label",
    "plot.Side": "one side of a plane",
    "results.Answer": "the base of answers",
    "results.Caution": "a part of answers",
    "selection.Dialect": "how a file is written",
    "selection.Family": "models to choose from",
    "selection.Table": "a file that was read",
    "symmetry.Box": "a domain",
    "symmetry.DeepReLU": "a network",
    "symmetry.Domain": "a domain",
    "symmetry.Node": "a part of a network",
    "symmetry.Polytope": "a domain",
    "symmetry.TwoLayerReLU": "a network",
    "symmetry.TwoLayerSmooth": "a network",
    "symmetry.smooth.Activation": "a function",
    "symmetry.smooth.Constant": "a number",
    "symmetry.transformer.Transformer": "a network",
    "triple.Coordinates": "a prior in flat coordinates",
    "triple.LinearInInputs": "a function that is linear in its inputs",
    "triple.Model": "a model",
    "triple.Triple": "model, truth and prior",
}
