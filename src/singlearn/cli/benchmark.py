"""``singlearn benchmark``: problems whose truth is known, and what samplers make of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singlearn.cli.arguments import Commands, add_command, at_least
from singlearn.cli.figure_file import place, saved_or_why
from singlearn.cli.python_file import load_name
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError

if TYPE_CHECKING:
    from singlearn.benchmark import BenchmarkScores, Sampler

ACTIONS = ("list", "show", "run", "score", "data")


def add_arguments(commands: Commands) -> None:
    """Say what the command takes."""
    command = add_command(
        commands,
        "benchmark",
        "list problems whose truth is known, run a sampler on them, or show scores",
        "singlearn benchmark run --sampler temper --quick --seeds 2 --folder scores",
    )
    command.add_argument(
        "action",
        choices=ACTIONS,
        metavar="|".join(ACTIONS),
        help="list: the problems; show NAME: one of them; run: a sampler on them; score DIR ...: "
        "what runs left; data FILE.zip: all problems as an archive",
    )
    command.add_argument(
        "names", nargs="*", metavar="NAME", help="problems, folders of runs, or the archive"
    )
    command.add_argument(
        "--sampler",
        default="temper",
        metavar="NAME",
        help="an adapter (temper, dynesty, ...), or FILE.py:NAME with a function "
        "sample(problem, budget, seed) (default temper)",
    )
    command.add_argument(
        "--budget",
        type=at_least(1),
        default=1024,
        metavar="N",
        help="particles, live points or draws, as the sampler counts them (default 1024)",
    )
    command.add_argument(
        "--seeds", type=at_least(1), default=8, metavar="N", help="runs per problem (default 8)"
    )
    command.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="keep every run there; what is there is not rerun",
    )
    command.add_argument("--quick", action="store_true", help="the twelve quick problems")
    command.add_argument("--stan", action="store_true", help="show: print the Stan program")


def run(options: argparse.Namespace) -> int | None:
    """Do what the action says."""
    actions = {"list": _list, "show": _show, "run": _run, "score": _score, "data": _data}
    return actions[options.action](options)


def _list(options: argparse.Namespace) -> None:
    from singlearn.benchmark import problems
    from singlearn.results.table import MISSING, aligned_rows

    listed = problems(options.quick)
    if options.json:
        print_document(
            {
                "command": "benchmark list",
                "problems": [
                    {"name": p.name, "family": p.family, "dimension": p.dimension, "title": p.title}
                    for p in listed
                ],
            }
        )
        return
    rows = [("problem", "d", "λ", "m", "F", "title")]
    for p in listed:
        found, F = p.learning_coefficient, p.known_value("free_energy")
        rows.append(
            (
                p.name,
                str(p.dimension),
                MISSING if found is None else found.value,
                MISSING if found is None else str(found.multiplicity),
                MISSING if F is None else f"{F.value:.4f}",
                p.title,
            )
        )
    print("\n".join(aligned_rows(rows, others="left")))
    print(f"\n  {len(listed)} problems; one of them: singlearn benchmark show {listed[0].name}")


def _show(options: argparse.Namespace) -> None:
    from singlearn.benchmark import load

    for name in _some(options, "a problem, such as polynomial-w4"):
        problem = load(name)
        if options.json:
            print_document({"command": "benchmark show", **problem.to_dict()})
        elif options.stan:
            print(problem.stan() or f"{name}: nobody wrote a Stan program for its family")
        else:
            print(problem)


def _run(options: argparse.Namespace) -> int | None:
    from singlearn.benchmark import load, problems, score

    chosen = [load(name) for name in options.names] or list(problems(options.quick))
    out = place(options.out)
    scores = score(
        _sampler(options.sampler),
        chosen,
        options.budget,
        seeds=range(options.seed, options.seed + options.seeds),
        name=options.sampler,
        folder=options.folder,
    )
    return _told(options, scores, out)


def _score(options: argparse.Namespace) -> int | None:
    from singlearn.benchmark.stored import stored_scores

    out = place(options.out)
    folders = [Path(name) for name in _some(options, "folders that run --folder wrote")]
    return _told(options, stored_scores(folders), out)


def _data(options: argparse.Namespace) -> None:
    from singlearn.benchmark import write_data

    (path, *_) = _some(options, "the archive, such as singlearn-benchmark.zip")
    print(write_data(path))


def _told(options: argparse.Namespace, scores: BenchmarkScores, out: Path) -> int | None:
    from singlearn import plot

    try:
        figure, not_drawn = saved_or_why(plot.benchmark(scores), out, "benchmark")
    except ValueError:  # a sampler without evidence
        figure, not_drawn = None, None
    if options.json:
        document: dict[str, Any] = {"command": f"benchmark {options.action}", **scores.to_dict()}
        print_document({**document, "figure": figure})
    else:
        print(f"{scores.summary()}\n\n  figure: {figure or 'none, for no F was compared'}")
    if not_drawn is not None:
        raise not_drawn
    return 1 if all(trial.failure is not None for trial in scores.trials) else None


def _some(options: argparse.Namespace, what: str) -> list[str]:
    if not options.names:
        raise RefusalError(f"NAME: got none; it should be {what}")
    names: list[str] = options.names
    return names


def _sampler(name: str) -> Sampler:
    from singlearn.benchmark import adapter

    if ".py:" not in name:
        return adapter(name)
    found = load_name(name, "--sampler", "sampler.py:sample")
    if not callable(found):
        raise RefusalError(f"--sampler: {name} is not a function")
    sampler: Sampler = found
    return sampler
