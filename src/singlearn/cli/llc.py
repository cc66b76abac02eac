"""``singlearn llc``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from singlearn.cli.arguments import Commands, add_command
from singlearn.cli.figure_file import place, saved_or_why
from singlearn.cli.python_file import blaming
from singlearn.cli.trained_network import (
    add_network_arguments,
    as_given,
    chain_settings,
    trained_network,
)
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError
from singlearn.results.table import Column, aligned

FAILED = 1
WHAT = """\
λ̂ says how singular the network is at the weights w* that training found: how
fast the loss rises when the weights are moved. A regular model with d weights
has λ = d/2; a smaller number means that many directions change nothing.
Chains walk about w*, held by a tie γ, at inverse temperature nβ:
λ̂ = nβ (mean loss of the chains - loss at w*). The status says whether the
number can be trusted: converged; drifting or noise_limited (run longer);
diverged (no number); not_local_minimum (train on, or --reference self).

examples:
  singlearn llc net.pt --model net.py:build --data net.py:data
      one number, for the whole network
  singlearn llc net.pt --model net.py:build --data net.py:data --only 'layers.3.*'
      for some weights; all others stay where they are
  singlearn llc gpt2/ --model net.py:build --data net.py:data --loss net.py:loss \\
      --tokens mean --only l0h3,l0h4,'l1 mlp','l0h3 + l1 mlp'
      a row for each part of a transformer, from one loading of the data"""


def add_arguments(commands: Commands) -> None:
    """Add the command and its arguments."""
    command = add_command(
        commands,
        "llc",
        "measure the local learning coefficient λ̂ of a trained PyTorch network",
        "singlearn llc net.pt --model net.py:build --data net.py:data --only 'layers.3.*'",
    )
    command.epilog = WHAT
    add_network_arguments(command)
    parts = command.add_argument_group("which weights, and what of them")
    parts.add_argument(
        "--only",
        action="append",
        metavar="WHICH",
        help="sample these and leave the others at w*: names of parameters, such as 'layers.3.*', "
        "or parts of a transformer: l0h3 (a head), 'l0h3 q' (k, v, o), 'l0 attn', 'l1 mlp', embed, "
        "unembed. A list with commas gives a row for each; 'l0h3 + l1 mlp', or --only twice, is "
        "both together",
    )
    parts.add_argument(
        "--reference",
        choices=("loss", "self"),
        default="loss",
        help="self: how far the network moves from its own function, for which w* is a minimum "
        "wherever it lies (default: loss)",
    )
    sweep = command.add_argument_group("a list of parts")
    sweep.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="finished parts are kept here, and the same command goes on where it was ended",
    )
    sweep.add_argument(
        "--shard",
        metavar="i/N",
        help="measure every N-th part only, from the i-th on, in a job array; --folder joins them",
    )


def run(options: argparse.Namespace) -> int:
    """Load weights, model and data, sample around the weights, print λ̂ with its verdict and draw
    the chains; 1 if λ̂ is withheld.
    """
    from singlearn.cli.torch_module import needed_torch

    needed_torch("llc")
    from singlearn.local.chains import Chains
    from singlearn.local.components import split

    # Refused before anything is read, in the words of the library.
    Chains(**chain_settings(options))
    asked = options.only or []
    listed = [part for given in asked for part in split(given, ",")]
    if len(listed) > len(asked):
        return _by_component(options, listed)
    for name in ("folder", "shard"):
        if getattr(options, name) is not None:
            raise RefusalError(f"--{name}: it is for a list of parts, such as --only l0h3,l0h4")
    from singlearn import plot
    from singlearn.local import llc

    out = place(options.out)
    brought = trained_network(options, "llc")
    with blaming(*brought.files):
        found = llc(
            brought.module,
            brought.loss,
            brought.data,
            only=options.only,
            reference=options.reference,
            tokens=options.tokens,
            **chain_settings(options),
        )
    name = options.checkpoint.absolute().stem
    figure, not_drawn = saved_or_why(plot.chains(found, name), out, f"{name}-llc")
    if options.json:
        given = as_given(options, brought)
        print_document({"command": "llc", **given, **found.to_dict(), "figure": figure})
    else:
        restricted = "" if options.only is None else f"   only {', '.join(options.only)}"
        print(
            f"{options.checkpoint}   loss: "
            f"{brought.named}{restricted}\n\n{found}\n\n{per_chain(found)}\n\n  figure: "
            f"{figure or 'not written'}"
        )
    # A full disk, say: the answer took long, and is printed all the same.
    if not_drawn is not None:
        raise not_drawn
    return FAILED if math.isnan(found.value) else 0


def _by_component(options: argparse.Namespace, components: list[str]) -> int:
    """A row for each; 1 if a λ̂ is withheld."""
    from singlearn.local import llc_by_component

    brought = trained_network(options, "llc")
    with blaming(*brought.files):
        found = llc_by_component(
            brought.module,
            brought.loss,
            brought.data,
            components,
            reference=options.reference,
            tokens=options.tokens,
            folder=options.folder,
            shard=options.shard,
            **chain_settings(options),
        )
    if options.json:
        print_document({"command": "llc", **as_given(options, brought), **found.to_dict()})
    else:
        print(f"{options.checkpoint}   loss: {brought.named}\n\n{found}")
    return FAILED if any(math.isnan(own.value) for own in found.components) else 0


def per_chain(found: Any) -> str:
    """A row for every chain."""
    chains = range(len(found.per_chain))
    values = [f"{v:.4g}" if math.isfinite(v) else "diverged" for v in found.per_chain]
    columns = [
        Column("chain", [f"{c}" for c in chains], align="right"),
        Column("starts", ["away" if c % 2 else "at w*" for c in chains]),
        Column("λ̂", values),
        Column("acceptance", [f"{found.acceptance[c]:.2f}" for c in chains], align="right"),
        Column("|w - w*|", [f"{found.distance[c]:.3g}" for c in chains], align="right"),
        Column("step", [f"{found.step[c]:.2g}" for c in chains]),
    ]
    return "\n".join(aligned(columns))
