"""``singlearn experiment``."""

from __future__ import annotations

import argparse

from singlearn.cli.arguments import Commands, add_command
from singlearn.cli.figure_file import folder
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError
from singlearn.results.table import pairs


def add_arguments(commands: Commands) -> None:
    """Add the command and its arguments."""
    command = add_command(
        commands,
        "experiment",
        "make a published table again; without a name, list them",
        "singlearn experiment table2 --quick",
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="of the experiment")
    command.add_argument(
        "--quick", action="store_true", help="under a minute instead of the published precision"
    )
    versions = command.add_mutually_exclusive_group()
    for name, what in (
        ("as-stated", "as the text defines it (the default)"),
        ("as-published", "as the published code computes it"),
    ):
        versions.add_argument(
            f"--{name}",
            dest="version_of",
            action="store_const",
            const=name,
            help=f"generalisation: {what}",
        )


def run(options: argparse.Namespace) -> None:
    """Run an experiment by name, or list them all."""
    from singlearn.experiments import REGISTRY

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
    print(result.text)
    for figure in result.figures:
        print(f"  figure: {figure}")


def _list(as_json: bool) -> None:
    from singlearn.experiments import REGISTRY

    summaries = {name: experiment.summary for name, experiment in REGISTRY.items()}
    if as_json:
        print_document({"command": "experiment", "experiments": summaries})
        return
    print("\n".join(pairs(list(summaries.items()))))
