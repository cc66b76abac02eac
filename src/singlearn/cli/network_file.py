"""Networks from the files that commands name."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from singlearn.symmetry import DeepReLU, TwoLayerReLU, TwoLayerSmooth, read


def read_network_file(
    path: Path, options: argparse.Namespace
) -> tuple[TwoLayerReLU | DeepReLU | TwoLayerSmooth, list[str]]:
    """The network in a file, and what had to be assumed."""
    order = None if options.order is None else [name.strip() for name in options.order.split(",")]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        net = read(path, activation=options.activation, order=order)
    return net, [
        str(one.message).replace(
            "activation='relu' says that it is so", "--activation relu says that it is so"
        )
        for one in heard
    ]


def print_assumed(notes: list[str]) -> None:
    """One line for each."""
    for note in notes:
        print(f"  assumed: {note}")
