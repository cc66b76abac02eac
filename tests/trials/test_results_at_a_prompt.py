"""What answers look like at a prompt and in a notebook: a summary, not their arrays; names that a
completion finds; pictures that show.
"""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import matplotlib.figure
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import singlearn as sl
from singlearn.measure import criteria
from singlearn.plot.figure import Figure
from singlearn.results.prompt import LONGEST, Shown, in_few_words, record, shortened

N01 = dist.Normal(0.0, 1.0)


@pytest.fixture(scope="module")
def run():
    data = np.random.default_rng(0).normal(size=20)
    triple = sl.Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), N01, data, name="normal")
    return sl.temper(triple, particles=64, seed=0, progress=False)


@pytest.fixture(scope="module")
def population():
    return sl.temper(
        sl.Triple.population(lambda w: w**2, N01, n=1),
        particles=64,
        beta_max=1e3,
        seed=0,
        progress=False,
    )


def test_a_run_shows_a_summary_and_a_representation_never_optimises(run) -> None:
    assert "optimum" not in run.__dict__
    shown = repr(run)
    assert "optimum" not in run.__dict__  # thirty descents for a line at a prompt would be too much
    assert "free energy F(1)" in shown and "λ, BIC" in shown and len(shown) < LONGEST
    assert str(run) == run.summary() and "BIC" in str(run) and len(str(run)) < 2000
    assert "λ, BIC" not in repr(run)  # now it is known
    assert run._repr_html_().startswith("<pre>normal")


def test_waic_has_both_errors_in_words(run) -> None:
    assert "over data" in run.summary()
    assert set(run.to_dict()["waic"]) == {
        "value",
        "standard_error",
        "standard_error_over_data",
        "cautions",
    }
    assert (
        run.to_dict()["waic"]["standard_error_over_data"]
        > 1
        > run.to_dict()["waic"]["standard_error"]
    )


def test_criteria_of_a_single_population_have_an_error_and_waic_a_caution() -> None:
    """Right, for one normal mean w ~ N(0, 1/n): to second order LOO is an average of (n + Σy²) w²/2
    over the draws. And ArviZ's rule, variances above 0.4, which an observation 10 standard
    deviations out breaks.
    """
    draws = np.random.default_rng(0).normal(size=(1, 4000, 1)) / np.sqrt(20)
    y = np.append(np.random.default_rng(1).normal(size=19), 0.0)
    y -= y.mean()
    plain = -0.5 * (y - draws) ** 2
    loo = criteria.loo(plain)
    expected = (20 + np.sum(y**2)) / 2 * np.sqrt(2) / 20 / np.sqrt(4000)
    assert loo.standard_error == pytest.approx(expected, rel=0.1)
    assert json.loads(json.dumps(loo.to_dict(), allow_nan=False))["standard_error"] > 0
    assert criteria.waic(plain).cautions == ()
    far = criteria.waic(-0.5 * (np.append(y[:-1], 10.0) - draws) ** 2)
    [caution] = far.cautions
    assert "1 of 20 observations varies by more than 0.4" in caution.message
    assert str(caution) in str(far) and far.to_dict()["cautions"] == [caution.to_dict()]


def log_likelihood(w, y):
    return dist.Normal(w["m"], 1.0).log_prob(y)


def model(y):
    numpyro.sample("y", dist.Normal(numpyro.sample("m", N01), 1.0), obs=y)


def divergence(w):
    return w**2


def test_results_go_through_pickle_and_copies(run) -> None:
    """What a pool of processes returns: the numbers, as Run.load reads them, with what they were
    made of.
    """
    again = pickle.loads(pickle.dumps(run))
    assert again.free_energy(0.5) == run.free_energy(0.5) and again.triple is None
    assert again.made_of["n"]["value"] == 20.0
    with pytest.raises(ValueError, match=r"triple: .* unpickled"):
        again.sample(1.0, 5, 0)
    assert pickle.loads(pickle.dumps(again)).name == "normal"
    assert copy.deepcopy(run) is run and copy.copy(run.triple) is run.triple


def test_triples_of_functions_with_names_go_through_pickle() -> None:
    """Functions of a module, as processes need them: the same energies on the other side."""
    y = np.array([0.5, -0.5])
    triple = sl.Triple(log_likelihood, {"m": N01}, y, truth={"m": 0.1}, name="named")
    again = pickle.loads(pickle.dumps(triple))
    at = {"m": 0.3}
    assert again.parameter_energy(at) == triple.parameter_energy(at)
    assert (again.name, again.truth_energy, again.n) == ("named", triple.truth_energy, 2)
    divergent = sl.Triple.population(divergence, N01, n=10)
    assert pickle.loads(pickle.dumps(divergent)).parameter_energy(0.5) == 2.5
    read = pickle.loads(pickle.dumps(sl.Triple.from_numpyro(model, y)))
    assert read.parameter_energy(at) == pytest.approx(triple.parameter_energy(at), rel=1e-12)
    # A phase is no longer the whole prior, and nothing makes its coordinates again.
    phase = triple.seen_from(replace(triple.coordinates, log_prob=lambda u: 0.0 * u[0]))
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(phase)


def test_an_estimate_is_a_number_where_python_asks_for_one(run) -> None:
    found = run.free_energy(1.0)
    assert float(found) == found.value
    assert f"{found:.1f}" == f"{found.value:.1f} ± {found.standard_error:.1f}"
    assert f"{found}" == str(found) and f"{found:>40}" == str(found).rjust(40)
    assert float(run.waic()) == run.waic().value


@pytest.mark.parametrize("beta", ["1", np.array([0.5, 1.0]), np.nan, None, True])
def test_an_inverse_temperature_that_is_none_is_named(run, beta) -> None:
    with pytest.raises(ValueError, match=r"beta: got .*; it should be a finite"):
        inspect.unwrap(type(run.view).check)(run.view, beta)


@pytest.mark.parametrize(
    ("picture", "argument", "kind"),
    [
        ("volume", "curves", "VolumeCurve"),
        ("phases", "result", "Phases"),
        ("selection", "result", "Selection"),
        ("newton_polygon", "result", "ExactCoefficient"),
        ("chains", "found", "LocalLearningCoefficient"),
        ("trajectory", "found", "Trajectory"),
        ("phase_diagram", "diagram", "PhaseDiagram"),
        ("generalisation_error", "curve", "LearningCurve"),
    ],
)
def test_a_picture_of_something_else_is_refused_by_name(run, picture, argument, kind) -> None:
    with pytest.raises(TypeError, match=f"{argument}: got Run; it should be a {kind}, as"):
        inspect.unwrap(getattr(sl.plot, picture))(run)


def test_a_population_run_does_not_speak_of_observations(population) -> None:
    assert "observations" not in population.summary() and "no data" in population.summary()


def test_why_there_is_no_coefficient_is_said(run) -> None:
    short = sl.temper(run.triple, particles=64, beta_max=0.01, seed=0, progress=False, modes=None)
    with pytest.raises(ValueError) as refusal:
        short.learning_coefficient()
    assert str(refusal.value) in short.summary()
    assert short.to_dict()["learning_coefficient_is_not_read"] == str(refusal.value)


def test_what_a_run_is_made_of_shows_shapes(run, population) -> None:
    read = run.learning_coefficient()
    for thing in (
        run.rungs,
        run.posterior,
        run.triple,
        run.triple.coordinates,
        run.find_optimum(),
        population.volume(),
        read,
    ):
        assert isinstance(thing, Shown)
        assert len(repr(thing)) < LONGEST
    assert "particles=float64[" in repr(run.rungs)
    assert "name='normal'" in repr(run.triple)


def test_an_exact_coefficient_is_one_line_and_its_certificate_a_few() -> None:
    """Right: λ = 5/12 of the squared cusp."""
    found = sl.exact.rlct("(y^2-x^3)^2")
    assert repr(found) == "λ = 5/12, m = 1 (proved)"
    proven = sl.exact.catalogue.reduced_rank(inputs=2, outputs=2, hidden=2, rank=0)
    assert repr(proven) == str(proven) and "\n" not in repr(proven)
    assert len(repr(found.certificate)) < 500 and "(y^2-x^3)^2" in repr(found.certificate)


PUBLIC = [
    "exact",
    "generalise",
    "local",
    "selection",
    "symmetry",
    "tempering",
    "transitions",
    "triple",
    "volume",
]


@pytest.mark.parametrize("room", PUBLIC)
def test_every_public_result_with_arrays_shows_itself_in_few_words(room) -> None:
    module = import_module(f"singlearn.{room}")
    names = getattr(module, "__all__", None) or [
        n for n in dir(module) if isinstance(getattr(module, n), type)
    ]
    for name in names:
        thing = getattr(module, name)
        fields = getattr(thing, "__dataclass_fields__", {})
        kinds = " ".join(str(f.type) for f in fields.values() if f.repr)
        if not isinstance(thing, type) or not thing.__module__.startswith("singlearn"):
            continue
        if "def __repr__" in inspect.getsource(thing):
            continue
        if any(word in kinds for word in ("ndarray", "Triple", "Run", "PyTree")):
            assert issubclass(thing, Shown), f"{room}.{name} would print every number of its arrays"


def test_long_texts_are_cut_between_lines_and_half_made_objects_show_too() -> None:
    text = "\n".join(f"line {i}" for i in range(1000))
    shown = shortened(text)
    assert (
        len(shown) < 2000
        and shown.endswith("more lines; print shows all)")
        and shown.startswith("line 0\n")
    )
    assert len(shortened("x" * 5000)) < 2000
    assert repr(object.__new__(sl.Run)).startswith("<Run: AttributeError")
    assert in_few_words(np.zeros((3, 4))) == "float64[3, 4]"
    assert in_few_words(list(range(100))) == "[0, 1, 2, 3, … 100 in all]"
    assert len(record(sl.exact.rlct("x^2").certificate)) < 500


@pytest.mark.parametrize("package", ["", ".plot", ".exact"])
def test_dir_lists_what_is_loaded_when_used_and_each_name_is_there(package) -> None:
    module = import_module(f"singlearn{package}")
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="'nothing'; it has"):
        module.nothing  # noqa: B018


def test_the_package_is_light_and_knows_its_rooms() -> None:
    check = (
        "import singlearn as sl, sys; dir(sl); dir(sl.plot); "
        "print([m for m in ('jax', 'numpy', 'matplotlib', 'sympy') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
    assert callable(sl.selection.select)


def test_pictures_are_the_ones_that_are_listed() -> None:
    assert set(sl.plot.__all__) == set(sl.plot.PICTURES)


def test_every_picture_is_a_figure_that_shows_itself_once() -> None:
    """A figure pyplot does not know is not shown by the inline backend of itself; IPython asks it
    for a PNG.
    """
    for path in Path(sl.plot.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert "import pyplot" not in text and "matplotlib.pyplot" not in text, path
        assert "matplotlib.figure import Figure\n" not in text, path
    figure = sl.plot.newton_polygon(sl.exact.rlct("x^4+y^6"))
    assert isinstance(figure, Figure) and isinstance(figure, matplotlib.figure.Figure)
    assert (
        figure._repr_png_().startswith(b"\x89PNG")
        and not getattr(figure, "_repr_html_", lambda: None)()
    )
    assert not hasattr(figure, "number")  # which pyplot gives to the figures it knows
