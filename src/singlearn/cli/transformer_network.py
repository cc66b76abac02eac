"""``singlearn symmetry describe`` and ``equivalent`` for transformers."""

from __future__ import annotations

import argparse
from pathlib import Path

from singlearn.results.document import print_document
from singlearn.symmetry.transformer import Transformer, describe, equivalent, read_transformer


def read_with(path: Path, options: argparse.Namespace) -> Transformer:
    """The transformer that a path names, with what the options say about it."""
    norm = None if options.norm is None else options.norm == "first"
    return read_transformer(
        path,
        heads=options.heads,
        norm_first=norm,
        activation=options.activation,
        epsilon=options.epsilon,
        causal=options.causal,
        ignore=options.ignore or (),
    )


def describe_transformer(options: argparse.Namespace) -> int:
    """Print what there is to say about one transformer."""
    found = describe(read_with(options.net, options))
    if options.json:
        print_document({"command": "symmetry describe", **found.to_dict()})
    else:
        print(f"{options.net}\n{found}")
    return 0


def equivalent_transformers(options: argparse.Namespace) -> int:
    """Print whether two transformers are one function; the exit status is 0 only where that is
    shown.
    """
    found = equivalent(read_with(options.net, options), read_with(options.other, options))
    if options.json:
        witness = found.witness
        print_document(
            {
                "command": "symmetry equivalent",
                "equivalent": bool(found),
                "status": str(found.status),
                "explanation": str(found),
                "witness": None if witness is None else witness.input,
                "measured": found.measured,
            }
        )
    else:
        print(found)
    return 0 if found else 1
