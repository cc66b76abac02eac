"""``singlearn influence``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from singlearn.cli.arguments import Commands, add_command, as_number
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

FAILED = 1
WHAT = """\
Chains walk about the trained weights and write down the loss of every sample.
Samples whose losses rise and fall together help each other: counting one of
them once more lowers the loss of the other, by so many nats.

examples:
  singlearn influence net.pt --model net.py:build --data net.py:data --of 0,7
      which samples help and hurt samples 0 and 7 most
  singlearn influence net.pt --model net.py:build --data net.py:data \\
      --folder losses.zarr --only l0h3,l0h4
      the losses go to losses.zarr as they come, and the command can be ended
      and begun again; xarray reads the folder"""


def add_arguments(commands: Commands) -> None:
    """What the command takes."""
    command = add_command(
        commands,
        "influence",
        "measure which samples a trained PyTorch network learned which others from",
        "singlearn influence net.pt --model net.py:build --data net.py:data --of 0,7",
    )
    command.epilog = WHAT
    add_network_arguments(command)
    command.set_defaults(max_steps=20_000)
    asked = command.add_argument_group("what is read")
    asked.add_argument(
        "--only",
        metavar="WHICH",
        help="parameters or parts of a transformer, as for singlearn llc; a list with commas is "
        "recorded part by part, and the first is shown",
    )
    asked.add_argument(
        "--of",
        default="0",
        metavar="i,j,...",
        help="numbers of the samples whose helpers are listed (default 0)",
    )
    asked.add_argument(
        "--draws",
        type=as_number,
        default=400,
        metavar="N",
        help="of each chain at which losses are written down (default 400)",
    )
    asked.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER.zarr",
        help="write losses here as they come (needs singlearn[zarr]), and go on where an earlier "
        "run was ended",
    )
    asked.add_argument(
        "--anyway",
        action="store_true",
        help="also where the weights are not a minimum, with a caution",
    )


def run(options: argparse.Namespace) -> int:
    """Record losses, list the strongest examples, and draw the kernel; 1 if it is withheld."""
    from singlearn.cli.torch_module import needed_torch

    needed_torch("influence")
    from singlearn import plot
    from singlearn.local import influence, loss_chains, loss_kernel
    from singlearn.local.components import split
    from singlearn.local.torch.data import length

    out = place(options.out)
    try:
        wanted = [int(number) for number in options.of.split(",")]
    except ValueError:
        raise RefusalError(
            f"--of: got {options.of!r}; it should be whole numbers with commas between"
        ) from None
    brought = trained_network(options, "influence")
    # Before the chains, which take long.
    samples = length(brought.data.parts)
    for number in wanted:
        if not 0 <= number < samples:
            raise RefusalError(f"--of: got {number}; it should be from 0 to {samples - 1}")
    listed = [] if options.only is None else split(options.only, ",")
    components: dict[str, Any] = {name: name for name in listed} or {"all": None}
    with blaming(*brought.files):
        chains = loss_chains(
            brought.module,
            brought.loss,
            brought.data,
            components,
            draws=options.draws,
            tokens=options.tokens,
            anyway=options.anyway,
            folder=options.folder,
            **chain_settings(options),
        )
    found = influence(chains)
    withheld = bool(math.isnan(float(found["influence"].values.flat[0])))
    examples = {} if withheld else {number: found.examples(number) for number in wanted}
    name = options.checkpoint.absolute().stem
    figure: Any = None
    not_drawn: Exception | None = None
    if not withheld:
        kernel = plot.loss_kernel(loss_kernel(chains))
        figure, not_drawn = saved_or_why(kernel, out, f"{name}-kernel")
    if options.json:
        rows = {str(n): t.reset_index().to_dict("records") for n, t in examples.items()}
        more = {**as_given(options, brought), **chains.to_dict(), "examples": rows}
        print_document({"command": "influence", **more, "figure": figure})
    else:
        print(f"{options.checkpoint}   loss: {brought.named}\n")
        print(f"{chains.table().to_string()}\n")
        for number, table in examples.items():
            print(f"  on the loss of sample {number}, in nats; negative helps")
            print("\n".join(f"    {line}" for line in table.to_string().splitlines()) + "\n")
        if withheld:
            print(f"  withheld; --anyway gives numbers where w* is not a minimum\n\n{chains}")
        else:
            for caution in chains.cautions[:6]:
                print(f"  {caution}")
            print(f"  figure: {figure or 'not written'}")
    if not_drawn is not None:
        raise not_drawn
    return FAILED if withheld else 0
