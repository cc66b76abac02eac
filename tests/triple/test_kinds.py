"""Three kinds of triples behind one interface."""

import dataclasses
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import singlearn as sl
from singlearn.triple.kinds import Divergence, DivergenceAt, Observations

PRIOR = dist.Normal(0.0, 1.0)
Y = np.array([0.5, -0.5, 1.0])


def log_likelihood(w, y):
    return dist.Normal(w, 1.0).log_prob(y)


def square(w):
    return 0.5 * w**2


def tilted(w, theta):
    return 0.5 * (w - theta) ** 2


def of_data():
    return sl.Triple(log_likelihood, PRIOR, Y, truth=0.0)


def population():
    return sl.Triple.population(square, PRIOR, n=9)


def at_setting():
    return sl.Triple.population(tilted, PRIOR, n=4, setting=1.0)


@pytest.mark.parametrize(
    ("make", "kind", "is_population", "energy_at_2"),
    [
        (of_data, Observations, False, 0.5 * (1.5**2 + 2.5**2 + 1) + 1.5 * np.log(2 * np.pi)),
        (population, Divergence, True, 9 * 2.0),
        (at_setting, DivergenceAt, True, 4 * 0.5),
    ],
)
def test_all_kinds_answer_the_same_questions(make, kind, is_population, energy_at_2) -> None:
    triple = make()
    assert type(triple.kind) is kind and triple.is_population is is_population
    assert triple.parameter_energy(2.0) == pytest.approx(energy_at_2, abs=1e-12)
    with jax.enable_x64(True):
        at = float(triple.energy(jnp.array([2.0]), triple.data))
    assert at == pytest.approx(energy_at_2, abs=1e-12)
    again = pickle.loads(pickle.dumps(triple))
    assert again.parameter_energy(2.0) == triple.parameter_energy(2.0)
    assert again.truth_energy == triple.truth_energy and again.n == triple.n
    shown = str(triple)
    assert shown.startswith("Triple(") and len(shown) < 2000 and "None" not in shown


def test_what_a_kind_has_not_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="triple has data; K is known for population triples"):
        of_data().kl  # noqa: B018
    with pytest.raises(ValueError, match="population is a population triple: it has K"):
        population().log_likelihood  # noqa: B018
    with pytest.raises(ValueError, match="it has no setting to change"):
        population().setting  # noqa: B018
    with pytest.raises(dataclasses.FrozenInstanceError):
        of_data().name = "another"


def test_other_triples_of_a_model_share_what_is_compiled() -> None:
    assert of_data().as_model() != population().as_model()
    triple = of_data()
    assert triple.with_data(Y[:2]).as_model() == triple.as_model()
    other = sl.Triple(log_likelihood, PRIOR, Y[:2], truth=0.5)
    same = other.with_model_of(triple)
    assert same.as_model() == triple.as_model() != other.as_model()
    assert same.truth_energy == other.truth_energy and same.n == 2
    moved = at_setting().with_setting(2.0, n=16)
    assert moved.parameter_energy(2.0) == 0.0 and moved.n == 16 and float(moved.setting) == 2.0
    # What nested sampling compiles is keyed by K at the setting: always the same object.
    assert moved.kl is moved.kl and float(moved.kl(jnp.array(3.0))) == 0.5
