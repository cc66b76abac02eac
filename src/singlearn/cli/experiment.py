"""``singlearn experiment``."""

from __future__ import annotations

import argparse

from singlearn.cli.figure_file import folder
from singlearn.experiments import REGISTRY
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError


def run_experiment(options: argparse.Namespace) -> None:
    """Run an experiment by name, or list them all."""
    if options.name is None:
        _list(options.json)
        return
    if options.name not in REGISTRY:
        raise RefusalError(f"NAME: got {options.name!r}; it should be one of {', '.join(REGISTRY)}")
    experiment = REGISTRY[options.name]
    version = options.version_of
    if version is not None and version not in experiment.versions:
        able = [name for name in REGISTRY if version in REGISTRY[name].versions]
        raise RefusalError(
            f"--{version}: {experiment.name} has one version only; it is an option of "
            f"{', '.join(able)}"
        )
    run = experiment.run if version is None else experiment.versions[version]
    result = run(options.quick, options.seed, folder(options.out), None)
    if options.json:
        settings = {
            "quick": options.quick,
            "seed": options.seed,
            **({} if version is None else {"version": version}),
        }
        print_document(
            {"command": "experiment", "name": experiment.name, **settings, **result.to_dict()}
        )
        return
    print(result.table)
    for figure in result.figures:
        print(f"  figure: {figure}")


def _list(as_json: bool) -> None:
    summaries = {name: experiment.summary for name, experiment in REGISTRY.items()}
    if as_json:
        print_document({"command": "experiment", "experiments": summaries})
        return
    width = max(map(len, summaries))
    for name, summary in summaries.items():
        print(f"  {name:<{width}}  {summary}")
