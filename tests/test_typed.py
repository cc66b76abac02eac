"""What an editor and a type checker of a user see: types, names, help; and that this costs no time
when nothing is used yet.
"""

import ast
import os
import pydoc
import rlcompleter
import subprocess
import sys
from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

import singlearn as sl

# Two are functions as well, or instead; measure has its modules and nothing else.
ROOMS = [name for name in sl.ROOMS if name not in ("agreement", "explore", "measure")]
SOURCE = Path(sl.__file__).parent
NAMES = {
    "sl.temper": "singlearn.tempering.run.Run",
    "sl.temper(sl.Triple.population(abs, None))": '"singlearn.tempering.run.Run"',
    "sl.Triple": "singlearn.triple.triple.Triple",
    "sl.plot.thermodynamics": "Figure",
    "sl.local.trajectory": "singlearn.local.training.points.Trajectory",
    "sl.exact.rlct": "singlearn.exact",
    "sl.flow.timeline": "singlearn.flow",
    "sl.explore": "singlearn.explore.explorer.Explorer",
}


def test_the_package_is_marked_as_typed():
    assert files("singlearn").joinpath("py.typed").is_file()


def bound(body):
    """Names that statements bind at the top of a module or for type checkers, and the module that
    each is from: ``None`` where it is made here.
    """
    found = {}
    for node in body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: node.module for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = None
        elif isinstance(node, ast.Assign):
            found |= {t.id: None for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign):
            found[node.target.id] = None
        elif isinstance(node, ast.If):
            found |= bound([*node.body, *node.orelse])
        elif isinstance(node, ast.TypeAlias if sys.version_info >= (3, 12) else ()):
            found[node.name.id] = None
    return found


@lru_cache
def tree(module):
    """The syntax tree of a module of ours."""
    path = SOURCE.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text())


@pytest.mark.parametrize("module", ["singlearn", *(f"singlearn.{room}" for room in ROOMS)])
def test_every_name_is_seen_by_editors_and_comes_from_where_it_is_made(module):
    body = tree(module).body
    names = bound(body)
    every = next(ast.literal_eval(n.value) for n in body if is_assigned(n, "__all__"))
    assert len(set(every)) == len(every)
    assert set(every) <= set(names)
    for name in set(every) - {"__version__"}:
        source = names[name]
        if source is None or SOURCE.joinpath(*source.split(".")[1:], name).is_dir():
            continue
        parts = [*source.split(".")[1:], f"{name}.py"]
        assert SOURCE.joinpath(*parts).is_file() or name in bound(tree(source).body), name
    # What is loaded late comes from where type checkers are told that it does.
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            late = ast.literal_eval(node.value)
            if any(isinstance(place, tuple) for place in late.values()):
                late = {name: place for place, some in late.items() for name in some}
            if set(late) <= set(every):
                assert late == {name: names[name].removeprefix(f"{module}.") for name in late}


def is_assigned(node, name):
    """Whether a statement gives a name its value."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name


def test_the_names_of_lazy_rooms_are_listed():
    for module in (sl, sl.exact, sl.flow, sl.plot):
        assert set(module.__all__) <= set(dir(module))


def test_tab_completion_and_help():
    complete = rlcompleter.Completer({"sl": sl}).complete
    assert complete("sl.tempe", 0).startswith("sl.temper(")
    assert complete("sl.plot.thermo", 0).startswith("sl.plot.thermodynamics(")
    shown = pydoc.render_doc(sl.temper, renderer=pydoc.plaintext)
    assert "particles: 'int' = 1024" in shown and "Args:" in shown


def test_the_version_is_that_of_the_package():
    assert sl.__version__ == "0+unknown" or sl.__version__[0].isdigit()


def test_importing_it_costs_no_time():
    asked = "import time; a = time.process_time(); import singlearn; print(time.process_time() - a)"
    found = [
        float(subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(found) < 0.15


@pytest.mark.slow
def test_a_users_type_checker_sees_what_functions_return(tmp_path):
    user = tmp_path / "user.py"
    every = [f"sl.{r}.{n}" for r in ROOMS for n in import_module(f"singlearn.{r}").__all__]
    every += [f"sl.{n}" for n in sl.__all__]
    asked = [*NAMES, *every]
    user.write_text("import singlearn as sl\n" + "".join(f"reveal_type({n})\n" for n in asked))
    source = Path(str(files("singlearn"))).parent
    command = [sys.executable, "-m", "mypy", str(user), "--cache-dir", str(tmp_path / "cache")]
    command += ["--strict", "--ignore-missing-imports"]
    environment = {**os.environ, "MYPYPATH": str(source)}
    found = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    revealed = [line for line in found.stdout.splitlines() if "Revealed type" in line]
    assert len(revealed) == len(asked), found.stdout
    for line, (name, word) in zip(revealed, NAMES.items(), strict=False):
        assert word in line, (name, line)
    for line, name in zip(revealed, asked, strict=True):
        assert 'Revealed type is "Any"' not in line, (name, line)
