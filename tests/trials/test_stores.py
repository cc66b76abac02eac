"""A stored run belongs to what it was made of: what users brought to checkpoints, saved runs and
folders of sweeps.

The right values are promises: another data set, prior, noise, likelihood, phase, labeller,
temperature, loss or model is refused by name; the same one in other words is not; a damaged file is
named; a full disk is an ``OSError`` and costs nothing that was there.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from matplotlib.figure import Figure

import singlearn as sl
from singlearn.cli.figure_file import saved_or_why
from singlearn.generalise import Fitted, by_laplace, by_map, by_mle, learning_curve, predictive
from singlearn.generalise.curve_identity import CurveIdentity
from singlearn.phases.restriction import Restriction
from singlearn.results.estimate import Estimate
from singlearn.running import claim, identity, whole_files
from singlearn.running.claim import Claim, FolderInUseError
from singlearn.running.sweep import FinishedPoints, spread
from singlearn.running.whole_files import write_whole
from singlearn.tempering import run as run_module
from singlearn.tempering import storage
from singlearn.tempering.anneal import NoFiniteEnergyError
from singlearn.tempering.checkpoint import CheckpointFolder
from singlearn.tempering.made_of import MadeOf
from singlearn.tempering.path import Path as TemperingPath
from singlearn.tempering.settings import Settings
from singlearn.transitions.point import Point

# The package has a function of the same name.
sweeps = import_module("singlearn.transitions.phase_diagram")

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(30, 2))
Y = X @ [1.0, -0.5] + GENERATOR.normal(size=30)
ONE_OFF = np.where(np.arange(30) == 17, Y + 1e-3, Y)
PARTICLES = 32


def line(y=Y, tau=1.0, sigma=1.0, f=lambda w, x: x @ w):
    return sl.Triple.regression(f, dist.Normal(0.0, tau).expand([2]), X, y, scale=sigma)


def density(w, data):
    """The same likelihood, written out."""
    x, y = data
    return dist.Normal(w[0] * x[:, 0] + w[1] * x[:, 1], 1.0).log_prob(y)


def positive(w):
    return w[0] > 0


# -- what is the same and what is not
# ----------------------------------------------------------------


@pytest.mark.parametrize(
    "same",
    [
        [1, 2, 3],
        (1.0, 2.0, 3.0),
        np.array([1, 2, 3], dtype=np.int8),
        np.array([1, 2, 3], dtype=np.float32),
        np.array([1, 0, 2, 0, 3, 0])[::2],
        jnp.array([1.0, 2.0, 3.0]),
    ],
    ids=["list", "tuple", "int8", "float32", "strided", "jax"],
)
def test_the_same_numbers_in_another_container_are_the_same(same):
    assert identity.array(same) == identity.array(np.array([1.0, 2.0, 3.0]))


def test_arrays_that_differ_anywhere_differ():
    long = np.arange(3_000_000.0)
    changed = long.copy()
    changed[2_500_001] = np.nextafter(changed[2_500_001], 0.0)
    kinds = [
        long,
        changed,
        long[:, None],
        long[::-1],
        [2**53 + 1],
        [2**53 + 2],
        [0.0],
        [np.nan],
        ["a"],
        [True, False],
    ]
    assert len({identity.array(kind)["digest"] for kind in kinds}) == len(kinds)
    assert identity.array([-0.0]) == identity.array([0.0]) and identity.array(
        [np.nan]
    ) == identity.array([-np.nan])


def test_values_agree_within_rounding_and_tell_small_changes_of_one_of_many():
    rows = np.random.default_rng(1).normal(size=(4, 1000)) * np.array([[1.0], [1e-6], [1e9], [1.0]])
    then = identity.values(rows)
    assert identity.difference("f", then, identity.values(rows * (1 + 1e-12))) is None
    assert identity.difference("f", then, json.loads(json.dumps(then))) is None
    for row in range(4):
        changed = rows.copy()
        changed[row, 501] *= 1.001
        assert f"at probe point {row}" in identity.difference("f", then, identity.values(changed))
    exchanged = rows.copy()
    exchanged[0, [3, 67]] = exchanged[0, [67, 3]]  # in one sum of every 64th
    assert identity.difference("f", then, identity.values(exchanged)) is not None
    infinite = np.where(np.arange(1000) == 7, -np.inf, rows)
    assert "finite elsewhere" in identity.difference("f", then, identity.values(infinite))
    assert identity.difference("f", identity.values(infinite), identity.values(infinite)) is None


# -- checkpoints
# -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A finished run of the line, its checkpoint and its file."""
    folder = tmp_path_factory.mktemp("stores")
    run = sl.temper(
        line(),
        particles=PARTICLES,
        replicates=2,
        seed=0,
        progress=False,
        checkpoint=folder / "checkpoint",
    )
    run.save(folder / "run.nc")
    return folder, run


@pytest.fixture
def folder(stored, tmp_path):
    """A copy of the checkpoint."""
    return shutil.copytree(stored[0] / "checkpoint", tmp_path / "checkpoint")


def resume(folder, triple, phase=None, **changed):
    """Everything that is done with a checkpoint before the next rung is sampled."""
    restriction = None if phase is None else Restriction.of(phase, triple.coordinates)
    settings = Settings.of(TemperingPath.of(triple), 1.0, PARTICLES, 2, 0, 0.6, 1, "float64")
    with CheckpointFolder(
        folder, replace(settings, **changed), MadeOf(triple, restriction)
    ) as disk:
        return disk.rungs()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: line(X @ [5.0, 3.0]), "data, array 1.* then.* now"),
        (lambda: line(ONE_OFF), "data, array 1"),
        (lambda: line(Y[::-1]), "data, array 1"),
        (lambda: line(tau=10.0), "prior density: -.* then, -.* now"),
        (lambda: line(tau=1.0001), "prior density"),
        (lambda: line(sigma=3.0), "log likelihood: -.* then, -.* now"),
        (lambda: line(f=lambda w, x: 3 * (x @ w)), "log likelihood"),
        (lambda: line(f=lambda w, x: x[:, ::-1] @ w), "log likelihood"),
        (
            lambda: sl.Triple(
                lambda w, d: dist.StudentT(1000.0, d[0] @ w, 1.0).log_prob(d[1]),
                line().prior,
                (X, Y),
            ),
            "log likelihood",
        ),
        (
            lambda: sl.Triple.regression(
                lambda w, x: x @ w[:2], dist.Normal(0.0, 1.0).expand([3]), X, Y
            ),
            "dimension: 2 then, 3 now",
        ),
    ],
)
def test_a_checkpoint_of_another_triple_is_refused_by_what_differs(folder, other, named):
    before = sorted((file.name, file.read_bytes()) for file in folder.iterdir())
    with pytest.raises(
        ValueError, match=f"belongs to another run .*{named}.*give a fresh folder"
    ) as refusal:
        resume(folder, other())
    assert len(str(refusal.value)) < 900
    assert sorted((file.name, file.read_bytes()) for file in folder.iterdir()) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"beta_max": 0.9},
        {"particles": 48},
        {"target_ess": 0.7},
        {"precision": "float32"},
    ],
)
def test_a_checkpoint_of_other_settings_is_refused_by_name(folder, changed):
    [(name, value)] = changed.items()
    with pytest.raises(ValueError, match=rf"{name}: .* then, '?{value}'? now"):
        resume(folder, line(), **changed)


def test_the_same_triple_in_other_words_goes_on(folder, stored):
    """Another function, another name, a prior written as one of independent parts, data in a list:
    the numbers are the same.
    """
    prior = dist.Independent(dist.Normal(jnp.zeros(2), jnp.ones(2)), 1)
    again = sl.Triple(
        density, prior, [X.astype(np.float64, order="F"), np.array(Y.tolist())], name="another name"
    )
    rungs = resume(folder, again)
    assert [rung.inverse_temperature for rung, _, _ in rungs] == stored[
        1
    ].rungs.inverse_temperature.tolist()


def test_values_of_another_machine_agree(folder):
    """Rounding of the last digits, as other processors and versions of XLA make it, is no
    difference.
    """
    shaken = sl.Triple(
        lambda w, data: density(w, data) * (1 + 1e-13 * jnp.sin(1e6 * w[0])), line().prior, (X, Y)
    )
    assert resume(folder, shaken)


def test_phases_are_compared_by_where_they_hold(tmp_path):
    """A predicate that differs on a thousandth of the prior is another; the same one written
    differently is the same.
    """
    triple = line()
    made_of = MadeOf(triple, Restriction.of(positive, triple.coordinates))
    parts = made_of.parts(np.random.default_rng(0).normal(size=(500, 2)))

    def differing(phase):
        restriction = None if phase is None else Restriction.of(phase, triple.coordinates)
        return MadeOf(triple, restriction).differences(json.loads(json.dumps(parts)))

    assert (
        differing(lambda w: w[0] > 0) == []
        and differing((lambda w: jnp.sign(w[0]).astype(int), 1)) == []
    )
    for other in (
        lambda w: w[0] < 0,
        lambda w: w[0] > 2e-3,
        lambda w: (w[0] > 0) & (w[1] < 3.5),
        lambda w: (w[0] > 0) | (w[0] < -3.0),
    ):
        [said] = differing(other)
        assert said.startswith("restrict: ") and "now, and they differ at" in said
    assert "restrict" in differing(None)[0]


def test_data_inside_a_numpyro_model_are_compared_too():
    """One datum of a closure, by a thousandth of its standard deviation."""

    def model(y):
        mean = numpyro.sample("mean", dist.Normal(0.0, 1.0))
        with numpyro.plate("data", len(y)):
            numpyro.sample("y", dist.Normal(mean, 1.0), obs=y)

    y = np.random.default_rng(2).normal(size=500)
    parts = MadeOf(sl.Triple.from_numpyro(model, y), None).parts(
        np.random.default_rng(0).normal(size=(100, 1))
    )
    assert MadeOf(sl.Triple.from_numpyro(model, y.copy()), None).differences(parts) == []
    y[123] += 1e-3
    said = MadeOf(sl.Triple.from_numpyro(model, y), None).differences(parts)
    assert any(sentence.startswith("log likelihood") for sentence in said), said


def test_population_triples_and_their_settings():
    family = sl.Triple.population(lambda w, s: s * w**2, dist.Normal(0.0, 1.0), n=10, setting=1.0)
    parts = MadeOf(family, None).parts(np.random.default_rng(0).normal(size=(100, 1)))
    plain = sl.Triple.population(lambda w: jnp.square(w), dist.Normal(0.0, 1.0), n=10)
    assert MadeOf(plain, None).differences(parts) == []
    assert MadeOf(family.with_setting(1.001), None).differences(parts)[0].startswith("K: ")
    assert MadeOf(family.with_n(11), None).differences(parts) == ["n: 10.0 then, 11.0 now"]


def test_a_prior_that_draws_otherwise_is_another():
    class Wide:
        def __init__(self, width):
            self.width = width

        def sample(self, key):
            return self.width * jax.random.normal(key, (2,))

        def log_prob(self, w):
            return dist.Normal(0.0, 1.0).log_prob(w).sum()

    one, other = (sl.Triple(density, Wide(width), (X, Y)) for width in (1.0, 1.5))
    parts = MadeOf(one, None).parts(np.random.default_rng(0).normal(size=(100, 2)))
    assert MadeOf(other, None).differences(parts)[0].startswith("prior draws")


def spoil_swap(folder):
    shutil.copy(folder / "rung_00001.npz", folder / "rung_00003.npz")
    return (
        "rung_00003.npz",
        "holds rung 1 in the place of rung 3; delete rung_00003.npz and every later rung",
    )


def spoil_half(folder):
    file = folder / "rung_00002.npz"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return file.name, "is damaged .*delete rung_00002.npz"


def spoil_bit(folder):
    file = folder / "rung_00002.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    return file.name, "is damaged .*delete rung_00002.npz"


def spoil_numbers(folder):
    file = folder / "rung_00002.npz"
    with np.load(file) as arrays:
        np.savez(file, **{**arrays, "energies": 1.5 * arrays["energies"]})
    return (
        file.name,
        "is damaged .its numbers are not those that were written.; delete rung_00002.npz",
    )


def spoil_foreign(folder):
    file = folder / "rung_00001.npz"
    with np.load(file) as arrays:
        np.savez(file, **{**arrays, "run": "of somebody else"})
    return file.name, "is a rung of another run"


def spoil_earlier_rung(folder):
    file = folder / "rung_00000.npz"
    with np.load(file) as arrays:
        np.savez(
            file, **{name: array for name, array in arrays.items() if name not in ("run", "index")}
        )
    return file.name, "is a rung of another run"


def spoil_empty_settings(folder):
    (folder / "settings.json").write_text("")
    return "settings.json", "is damaged .*delete the folder"


def spoil_list_settings(folder):
    (folder / "settings.json").write_text("[1, 2]")
    return "settings.json", "is damaged"


def spoil_edited_settings(folder):
    file = folder / "settings.json"
    file.write_text(file.read_text().replace('"seed"', '"Seed"'))
    return "settings.json", "was changed after it was written"


def spoil_no_settings(folder):
    (folder / "settings.json").unlink()
    return "settings.json", "rungs but no .*delete them, or give a fresh folder"


def spoil_earlier_version(folder):
    (folder / "settings.json").write_text(json.dumps({"name": "regression", "n": 30.0, "seed": 0}))
    return "settings.json", "was written by an earlier version.*finish it with that version"


@pytest.mark.parametrize(
    "spoil", [own for name, own in sorted(globals().items()) if name.startswith("spoil_")]
)
def test_a_damaged_swapped_or_foreign_file_is_named_with_what_to_delete(folder, spoil):
    name, sentence = spoil(folder)
    with pytest.raises(ValueError, match=sentence) as refusal:
        resume(folder, line())
    assert name in str(refusal.value) and len(str(refusal.value)) < 900


def test_a_refused_or_failed_run_leaves_no_folder(tmp_path):
    """Nor its parents; and a folder that was there stays."""
    nowhere = sl.Triple(lambda w, y: jnp.full(len(y), -jnp.inf), dist.Normal(0.0, 1.0), np.zeros(3))
    (tmp_path / "there").mkdir()
    for path in (tmp_path / "a" / "b", tmp_path / "there"):
        with pytest.raises(NoFiniteEnergyError):
            sl.temper(nowhere, particles=16, replicates=1, progress=False, checkpoint=path)
        with pytest.raises(ValueError, match="particles"):
            sl.temper(nowhere, particles=3, checkpoint=path)
    assert [file.name for file in tmp_path.rglob("*")] == ["there"]
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file; it should be a folder"):
        resume(tmp_path / "file", line())


# -- several at once
# ---------------------------------------------------------------------------------


def test_a_folder_in_use_is_refused_and_free_again(folder):
    held = CheckpointFolder(
        folder,
        Settings.of(TemperingPath.of(line()), 1.0, PARTICLES, 2, 0, 0.6, 1, "float64"),
        MadeOf(line(), None),
    )
    at_work = f"checkpoint: another run is at work.*process {os.getpid()}.*delete"
    with held, pytest.raises(FolderInUseError, match=at_work):
        resume(folder, line())
    assert resume(folder, line()) and not list(folder.glob("*.in-use"))


def test_one_of_many_threads_gets_a_claim(tmp_path):
    for name in ("fresh", "stale"):
        file = tmp_path / name
        if name == "stale":
            leave_behind(file)
        start, won = threading.Barrier(8), []

        def take(file=file, start=start, won=won):
            start.wait()
            won.append(Claim.take(file))

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [own] = [found for found in won if found is not None]
        own.release()
        assert list(tmp_path.iterdir()) == []


def leave_behind(file):
    """A claim of a process that is dead."""
    code = (
        "from pathlib import Path; from singlearn.running.claim import Claim; import os; "
        f"Claim.take(Path({str(file)!r})); os._exit(1)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert file.exists()


def test_claims_of_dead_processes_are_taken_over_and_those_of_other_machines_named(folder):
    file = folder / "checkpoint.in-use"
    leave_behind(file)
    who = json.loads(file.read_text())
    (folder / ".rung_00009.npz.0.partial").touch()  # what a killed run leaves
    assert resume(folder, line()) and not list(folder.glob(".*.partial"))
    # The number of the dead process, used again by another.
    file.write_text(json.dumps(who | {"process": os.getppid()}))
    assert resume(folder, line())
    file.write_text(json.dumps(who | {"host": "elsewhere", "boot": "another"}))
    with pytest.raises(FolderInUseError, match=rf"on elsewhere since .*delete {file}"):
        resume(folder, line())
    assert not claim.is_silent(file)
    os.utime(file, (0, 0))
    assert claim.is_silent(file)
    file.write_text("")
    with pytest.raises(FolderInUseError, match="damaged"):
        resume(folder, line())


class Squares:
    """Points of a sweep that take a moment, in a shared folder."""

    def __init__(self, path, settings=None):
        self.store = FinishedPoints(path, "squares", settings or {"power": 2}, "another sweep")
        self.made = []

    def __call__(self, task, /, wait=True):
        with self.store.held(f"point_{task}", wait):
            kept = self.store.load(f"point_{task}")
            if kept is None:
                self.made.append(task)
                threading.Event().wait(0.03)
                kept = {"value": task**2}
                self.store.save(f"point_{task}", kept)
            return kept["value"]


def test_sweeps_that_share_a_folder_measure_every_point_once(tmp_path):
    tasks, sweeps_, start, found = (
        range(12),
        [Squares(tmp_path / "s") for _ in range(4)],
        threading.Barrier(4),
        {},
    )

    def work(index):
        start.wait()
        found[index] = spread("points", sweeps_[index], tasks, None, False)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        all(values == [task**2 for task in tasks] for values in found.values()) and len(found) == 4
    )
    assert sorted(task for own in sweeps_ for task in own.made) == list(tasks)
    assert len(list((tmp_path / "s").iterdir())) == len(tasks) + 1  # no claims, no partial files


def test_points_are_named_when_damaged_swapped_or_foreign(tmp_path):
    squares = Squares(tmp_path / "s")
    assert [squares(1), squares(2)] == [1, 4]
    one, two = ((tmp_path / "s" / f"point_{task}.json") for task in (1, 2))
    good = one.read_text()
    for content, sentence in (
        (good[: len(good) // 2], "damaged"),
        ("", "damaged"),
        ("[]", "damaged"),
        (good.replace('"value": 1', '"value": 3'), "was changed after it was written"),
        (two.read_text(), "holds point_2 in the place of point_1"),
        ('{"value": 1}', "was written by an earlier version"),
    ):
        one.write_text(content)
        with pytest.raises(ValueError, match=f"point_1.json .*{sentence}.*delete it"):
            squares(1)
    one.write_text(good)
    cubes = Squares(tmp_path / "c", {"power": 3})
    (tmp_path / "c").mkdir()
    shutil.copy(one, tmp_path / "c")
    with pytest.raises(
        ValueError, match=r"point_1.json belongs to another sweep \(power: 2 then, 3 now\)"
    ):
        cubes(1)
    for content, sentence in (
        ("", "is damaged"),
        ('{"power": 2}', "earlier version"),
        (good, "squares.json"),
    ):
        (tmp_path / "s" / "squares.json").write_text(content)
        with pytest.raises(ValueError, match=sentence):
            Squares(tmp_path / "s")
    (tmp_path / "s" / "squares.json").unlink()
    assert Squares(tmp_path / "s")(1) == 1


def test_a_point_that_fails_leaves_no_folder(tmp_path):
    store = FinishedPoints(tmp_path / "a" / "b", "sweep", {}, "another")
    with pytest.raises(ZeroDivisionError), store.held("point"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


# -- saved runs
# --------------------------------------------------------------------------------------


def test_saving_and_getters_never_look_for_an_optimum(stored, tmp_path, monkeypatch):
    run = replace(stored[1])  # what the other tests found stays with theirs

    def never(*_):
        raise AssertionError("an optimisation was started")

    monkeypatch.setattr(run_module, "find_optimum", never)
    run.save(tmp_path / "run.nc")
    assert run.optimum is None and run.reference_energy is None and run.to_datatree() is not None
    assert all(
        getattr(run, name) is not None
        for name in dir(run)
        if name in ("cautions", "beta_max", "prior_mass", "name")
    )
    with pytest.raises(AssertionError, match="was started"):
        run.bic()
    monkeypatch.undo()
    best = np.linalg.lstsq(X, Y, rcond=None)[0]
    energy = 0.5 * np.sum((Y - X @ best) ** 2) + 15 * np.log(2 * np.pi)
    loaded = sl.Run.load(tmp_path / "run.nc", line())
    assert loaded.bic() == pytest.approx(
        energy + np.log(30), abs=1e-6
    ) and loaded.optimum.energy == pytest.approx(energy, abs=1e-6)
    loaded.save(tmp_path / "run.nc")  # now that it has been found
    assert sl.Run.load(tmp_path / "run.nc").bic() == loaded.bic()


def test_a_run_without_triple_and_optimum_says_what_it_could_not_check(stored):
    loaded = sl.Run.load(stored[0] / "run.nc")
    assert "not checked" in " ".join(map(str, loaded.learning_coefficient().cautions))
    assert "\n  BIC" not in loaded.summary() and loaded.to_dict()["best_energy"] is None
    with pytest.raises(ValueError, match="before its optimum was looked for"):
        loaded.bic()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: line(ONE_OFF), "data, array 1"),
        (lambda: line(sigma=1.1), "log likelihood"),
        (lambda: line(tau=2.0), "prior density"),
        (
            lambda: sl.Triple.regression(
                lambda w, x: x @ jnp.array([w["a"], w["b"]]),
                {"a": dist.Normal(0.0, 1.0), "b": dist.HalfNormal(1.0)},
                X,
                Y,
            ),
            "parameters|coordinates",
        ),
    ],
)
def test_a_saved_run_takes_only_the_triple_that_was_tempered(stored, other, named):
    with pytest.raises(
        ValueError, match=f"triple: it is not the one of the run saved at .*{named}"
    ):
        sl.Run.load(stored[0] / "run.nc", other())


def test_a_saved_phase_needs_its_phase(stored, tmp_path):
    triple = line()
    phase = MadeOf(triple, Restriction.of(positive, triple.coordinates))
    settings = stored[1].settings | {
        "restricted_to": "positive",
        "prior_free_energies": [0.7, 0.7],
        "prior_floor": 0.01,
    }
    replace(stored[1], settings=settings, made_of=phase).save(tmp_path / "run.nc")
    assert (
        sl.Run.load(tmp_path / "run.nc", triple, restrict=lambda w: w[0] > 0).triple.name
        != triple.name
    )
    for restrict, sentence in (
        (None, "give restrict="),
        (lambda w: w[0] > 0.01, "restrict: it is not the one of the run"),
    ):
        with pytest.raises(ValueError, match=sentence):
            sl.Run.load(tmp_path / "run.nc", triple, restrict)
    with pytest.raises(ValueError, match="that of the whole prior; leave restrict= out"):
        sl.Run.load(stored[0] / "run.nc", triple, positive)
    with pytest.raises(ValueError, match="give triple= as well"):
        sl.Run.load(stored[0] / "run.nc", restrict=positive)


def test_a_truth_may_come_later_but_not_change(stored, tmp_path):
    known, moved = (
        sl.Triple.regression(
            lambda w, x: x @ w, dist.Normal(0.0, 1.0).expand([2]), X, Y, truth=np.array(truth)
        )
        for truth in ([1.0, -0.5], [1.0, -0.4])
    )
    run = sl.Run.load(stored[0] / "run.nc", known)
    assert run.truth_energy == known.truth_energy
    replace(run, made_of=MadeOf(known, None)).save(tmp_path / "run.nc")
    with pytest.raises(ValueError, match="truth energy"):
        sl.Run.load(tmp_path / "run.nc", moved)
    assert sl.Run.load(tmp_path / "run.nc", line()).truth_energy == known.truth_energy


def test_what_is_no_saved_run_is_refused_by_name(stored, tmp_path):
    content = (stored[0] / "run.nc").read_bytes()
    files = {"half.nc": content[: len(content) // 2], "text.nc": b"a,b\n1,2\n", "empty.nc": b""}
    where = content.index(stored[1].rungs.energies[2].tobytes())
    files["bit.nc"] = content[: where + 6] + bytes([content[where + 6] ^ 1]) + content[where + 7 :]
    # Sixteen of the settings' own characters for as many others: another sample size.
    files["settings.nc"] = content.replace(b'"n": 30.0, "dim', b'"n": 31.0, "dim')
    assert (
        len({len(content), len(files["bit.nc"]), len(files["settings.nc"])}) == 1
        and files["settings.nc"] != content
    )
    for name, spoilt in files.items():
        (tmp_path / name).write_bytes(spoilt)
        with pytest.raises(ValueError, match=f"{name}.*(damaged|no saved run)"):
            sl.Run.load(tmp_path / name)
    with pytest.raises(
        ValueError,
        match=r"rung_00001.npz is not a saved run.*NetCDF \(.nc\), or a Zarr folder.*temper\(..., "
        r"checkpoint=",
    ):
        sl.Run.load(stored[0] / "checkpoint" / "rung_00001.npz")
    with pytest.raises(ValueError, match=r"checkpoint is a folder.*temper\(..., checkpoint="):
        sl.Run.load(stored[0] / "checkpoint")


@pytest.mark.parametrize(
    ("path", "error", "sentence"),
    [
        ("a\0b", ValueError, "no zero character"),
        ("a" * 300, OSError, "the path is too long for its file system"),
        (b"a", TypeError, "it should be a path"),
        ("", ValueError, "an empty path"),
    ],
)
def test_what_is_no_path_is_refused_by_name(stored, path, error, sentence):
    with pytest.raises(error, match=rf"path: .*{sentence}"):
        inspect.unwrap(storage.save)(stored[1], path)
    with pytest.raises(error, match=rf"checkpoint: .*{sentence}"):
        whole_files.as_path("checkpoint", path)


def test_what_is_no_triple_is_refused_by_name(stored):
    for asked in (
        lambda: inspect.unwrap(storage.load)(stored[0] / "run.nc", "triple", None),
        lambda: inspect.unwrap(sl.temper)(len),
    ):
        with pytest.raises(TypeError, match=r"triple: got .*; it should be (the|a) Triple"):
            asked()


def test_a_run_of_an_earlier_version_is_refused(stored, tmp_path):
    """It says neither what it was made of nor which particles were kept."""
    tree = stored[1].to_datatree()
    del tree["made_of"], tree.attrs["digest"]
    tree.attrs["format"] = 1
    (tmp_path / "run.nc").write_bytes(tree.to_netcdf(engine="h5netcdf"))
    for triple in (None, line()):
        with pytest.raises(
            ValueError, match=r"not a run saved by this version.*temper again and save"
        ):
            sl.Run.load(tmp_path / "run.nc", triple)


# -- full disks
# --------------------------------------------------------------------------------------


@pytest.fixture
def small_disk():
    """Files of at most so many bytes."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft if size is None else size, hard))

    yield limit
    limit(None)
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_full_disk_while_saving_costs_nothing(stored, tmp_path, small_disk, suffix):
    run, path = stored[1], tmp_path / f"run{suffix}"
    run.save(path)
    before = sorted(file.name for file in tmp_path.rglob("*"))
    small_disk(200)
    try:
        with pytest.raises(
            OSError,
            match=rf"run{suffix}.*[0-9,]+ bytes of disk space are needed.*what was there before is "
            rf"unchanged",
        ):
            run.save(path)
    finally:
        small_disk(None)
    assert sorted(file.name for file in tmp_path.rglob("*")) == before
    assert sl.Run.load(path).free_energy(1.0) == run.free_energy(1.0)
    with pytest.raises(OSError, match="absent does not exist"):
        run.save(tmp_path / "absent" / f"run{suffix}")


def test_a_full_disk_during_a_run_keeps_the_rungs_before(folder, small_disk, monkeypatch):
    triple = line()
    settings = Settings.of(TemperingPath.of(triple), 1.0, PARTICLES, 2, 0, 0.6, 1, "float64")
    with CheckpointFolder(folder, settings, MadeOf(triple, None)) as disk:
        rungs = disk.rungs()
        small_disk(2000)
        try:
            with pytest.raises(OSError, match=r"rung_00099.npz.*bytes of disk space are needed"):
                disk.save(99, *rungs[-1])
        finally:
            small_disk(None)
        assert len(disk.rungs()) == len(rungs)
    assert not list(folder.glob(".*"))


def test_a_figure_on_a_full_disk_leaves_the_earlier_one_and_the_answer(tmp_path, small_disk):
    """The command line prints what it found before it says that the picture is missing."""
    figure = Figure(figsize=(2, 2))
    figure.subplots()
    (tmp_path / "run.png").write_bytes(b"earlier")
    small_disk(1000)
    written, why = saved_or_why(figure, tmp_path, "run")
    small_disk(None)
    assert written is None
    assert re.search(r"run-2.png: it cannot be written .* bytes of disk space are needed", str(why))
    assert (tmp_path / "run.png").read_bytes() == b"earlier"
    assert saved_or_why(figure, tmp_path, "run") == (tmp_path / "run-2.png", None)


def test_no_space_left_names_the_bytes(tmp_path, monkeypatch):
    """ENOSPC, which comes from the system at the latest when the file is synchronised."""
    (tmp_path / "file").write_bytes(b"before")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match=r"file: it cannot be written \(No space left on device\): 1,234 bytes"
    ) as error:
        write_whole(tmp_path / "file", bytes(1234))
    assert error.value.errno == 28
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"before")]


# -- sweeps
# ------------------------------------------------------------------------------------------

WELL = sl.Triple.population(
    lambda w, t: 0.5 * (w - t) ** 2, dist.Normal(0.0, 1.0), n=10, setting=0.0
)


@pytest.fixture
def diagram(tmp_path, monkeypatch):
    """phase_diagram in a folder, with nothing sampled."""

    def measured(triple, value, labeller, restricted, neighbour, beta, *_):
        own = Estimate(value, 0.1)
        return Point(
            value, float(triple.n), beta, own, own, own, None, {}, ()
        ), np.random.default_rng(0).normal(size=(1, 200, 1))

    monkeypatch.setattr(sweeps, "measure_point", measured)

    def diagram(make=WELL.with_setting, labeller=lambda w: w > 0, **more):
        return sl.phase_diagram(
            make, [1.0, 2.0], labeller, folder=tmp_path / "sweep", progress=False, **more
        )

    diagram()
    return diagram


def test_a_sweep_is_read_by_the_same_family_in_other_words(diagram):
    def make(t):
        return sl.Triple.population(
            lambda w: 0.5 * jnp.square(w - t), dist.Normal(0.0, 1.0), n=10, name="other"
        )

    again = diagram(make, lambda w: bool(w > 0.0), beta=lambda value: 1, parameter="t")
    assert [point.free_energy.value for point in again.points] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (
            dict(
                make=lambda t: sl.Triple.population(
                    lambda w: (w - 3) ** 2 * t, dist.Normal(0.0, 1.0), n=10
                )
            ),
            "K: ",
        ),
        (dict(make=lambda t: WELL.with_setting(t if t < 2 else 2.01)), "point_2.0.json .*K: "),
        (dict(make=lambda t: WELL.with_setting(t, n=11)), "n: 10.0 then, 11.0 now"),
        (
            dict(
                make=lambda t: sl.Triple.population(
                    lambda w: 0.5 * (w - t) ** 2, dist.Normal(0.0, 1.001), n=10
                )
            ),
            "prior density",
        ),
        (dict(labeller=lambda w: w < 0), "labels: "),
        (dict(labeller=lambda w: w > 2e-3), "labels: "),
        (dict(labeller=lambda w: (w > 0) & (w < 4.0)), "labels: "),
        (dict(labeller=lambda w: "right" if w > 0 else "left"), "labels: "),
        (dict(beta=0.1), "beta: 1.0 then, 0.1 now"),
        (
            dict(beta=lambda value: 1.0 if value < 2 else 0.5),
            "point_2.0.json .*beta: 1.0 then, 0.5 now",
        ),
        (dict(seed=1), "seed: 0 then, 1 now"),
        (dict(restricted=(True,)), "restricted"),
    ],
)
def test_a_sweeps_folder_is_refused_for_what_it_was_not_made_of(diagram, changed, named):
    with pytest.raises(ValueError, match=r"folder: .*belongs to another sweep ") as refusal:
        diagram(**changed)
    assert re.search(named, str(refusal.value)) and len(str(refusal.value)) < 900


MODEL = sl.Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), np.zeros(2))


def draw(n, seed, model=MODEL, truth=0.5, scale=1.0):
    return model.with_data(np.random.default_rng(seed).normal(truth, scale, size=n), truth=truth)


def by_mean(triples, seed, shrunk=0.0):
    return [
        Fitted(predictive(triple, (1 - shrunk) * triple.data.mean()[None])) for triple in triples
    ]


def curve(folder, make=draw, methods=None, sizes=(10, 20), **more):
    return learning_curve(
        make,
        sizes,
        methods or {"mean": by_mean},
        **dict(datasets=2, test_points=40, folder=folder, progress=False) | more,
    )


def test_a_learning_curves_folder_belongs_to_model_data_truth_and_method(tmp_path):
    folder = tmp_path / "curve"
    first = curve(folder)
    wider = sl.Triple(MODEL.log_likelihood, dist.Normal(0.0, 1.01), np.zeros(2))
    noisier = sl.Triple(
        lambda w, y: dist.Normal(w, 1.1).log_prob(y), dist.Normal(0.0, 1.0), np.zeros(2)
    )
    for changed, named in (
        (dict(make=functools.partial(draw, model=wider)), "prior density"),
        (dict(make=functools.partial(draw, model=noisier)), "log likelihood"),
        (dict(make=functools.partial(draw, truth=0.501)), "truth"),
        (dict(make=functools.partial(draw, scale=1.01)), "data"),
        (dict(methods={"mean": functools.partial(by_mean, shrunk=0.01)}), "method"),
        (dict(methods={"mean": by_map()}), "method"),
        (dict(test_points=41), "test_points: 40 then, 41 now"),
        (dict(seed=1), "seed: 0 then, 1 now"),
    ):
        with pytest.raises(ValueError, match=f"a curve with other settings.*{named}"):
            curve(folder, **changed)
    written = sl.Triple(
        lambda w, y: -0.5 * (y - w) ** 2 - 0.5 * jnp.log(2 * jnp.pi),
        dist.Normal(0.0, 1.0),
        np.zeros(2),
        name="written",
    )
    again = curve(
        folder,
        functools.partial(draw, model=written),
        {"mean": lambda triples, seed: by_mean(triples, seed)},
        (10, 20),
    )
    assert again.points == first.points

    states = iter(range(1, 99))
    with pytest.raises(ValueError, match="methods: mean gives different answers with the"):
        curve(
            folder,
            methods={"mean": lambda triples, seed: by_mean(triples, seed, 0.01 * next(states))},
        )


def test_methods_of_the_library_are_told_apart_by_their_settings():
    def part(method):
        return CurveIdentity(draw, MODEL, {"own": method}, 10, 40, 0)._answer("own", 10)

    assert (
        identity.difference("method", part(by_laplace(draws=10)), part(by_laplace(draws=10)))
        is None
    )
    assert "'draws': 10" in identity.difference(
        "method", part(by_laplace(draws=10)), part(by_laplace(draws=20))
    )
    assert "by_map" in identity.difference("method", part(by_map()), part(by_mle()))
