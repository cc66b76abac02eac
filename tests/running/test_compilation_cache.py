"""The compilation cache: a second process compiles nothing, and several may write at once."""

import subprocess
import sys

import platformdirs
import pytest

from singlearn.running import compilation_cache
from singlearn.running.compilation_cache import offer_compilation_cache

PROGRAM = """
import sys
import jax, jax.numpy as jnp, jax.monitoring
from singlearn import use_compilation_cache
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event))
use_compilation_cache(sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
value = jax.jit(lambda x: jnp.linalg.eigvalsh(jnp.sin(x) + jnp.sin(x).T).sum())(jnp.eye(5))
print(float(value).hex(), hits.count("/jax/compilation_cache/cache_hits"))
"""


def started(folder):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "cache" not in err, err
    value, hits = out.split()
    return value, int(hits)


def test_processes_share_what_one_compiled(tmp_path):
    together = [started(tmp_path), started(tmp_path)]
    values = {ended(process)[0] for process in together}
    after, hits = ended(started(tmp_path))
    assert values == {after} and hits > 0
    assert len(list(tmp_path.iterdir())) == 1, "one processor, one release"


@pytest.fixture
def a_command(monkeypatch, tmp_path):
    """As a command begins: JAX is not imported, and nothing was chosen."""
    for name in (
        "JAX_COMPILATION_CACHE_DIR",
        "JAX_COMPILATION_CACHE_MAX_SIZE",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
        "SINGLEARN_COMPILATION_CACHE",
    ):
        monkeypatch.delenv(name, raising=False)
        # What the function sets is undone after the test.
        monkeypatch.setattr(compilation_cache.os, "environ", dict(compilation_cache.os.environ))
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / name))
    return compilation_cache.os.environ, tmp_path


def test_a_command_uses_the_folder_of_the_user(a_command):
    environment, home = a_command
    place = offer_compilation_cache()
    assert place.is_relative_to(home / "singlearn" / "compiled") and place.is_dir()
    assert environment["JAX_COMPILATION_CACHE_DIR"] == str(place)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SINGLEARN_COMPILATION_CACHE", "off"), ("JAX_COMPILATION_CACHE_DIR", "/elsewhere")],
)
def test_what_the_user_chose_stays(a_command, name, value):
    environment, home = a_command
    environment[name] = value
    before = dict(environment)
    assert offer_compilation_cache() is None
    assert environment == before and not list(home.iterdir())


def test_a_folder_that_cannot_be_made_is_no_error(a_command):
    environment, home = a_command
    (home / "singlearn").write_text("a file where the folder should be")
    assert offer_compilation_cache() is None
    assert "JAX_COMPILATION_CACHE_DIR" not in environment


def test_programs_of_another_processor_are_kept_apart(a_command, monkeypatch):
    here = offer_compilation_cache()
    monkeypatch.setattr(compilation_cache.platform, "machine", lambda: "another")
    a_command[0].pop("JAX_COMPILATION_CACHE_DIR")
    assert offer_compilation_cache() != here
