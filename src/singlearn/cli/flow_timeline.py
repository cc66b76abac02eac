"""``singlearn flow timeline``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from singlearn.cli.figure_file import place, saved_or_why
from singlearn.cli.python_file import blaming, load_name
from singlearn.cli.torch_module import load_module, needed_torch
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError


def run_timeline(options: argparse.Namespace) -> None:
    """Follow the symmetries of a network through its checkpoints, print them and draw a lane per
    node.
    """
    torch = needed_torch("flow timeline")
    from singlearn import plot
    from singlearn.flow import timeline

    out = place(options.out)
    module = load_module(options.model)
    data = load_name(
        options.data, "--data", "net.py:data", call=True, kind=torch.utils.data.Dataset
    )
    loss = None if options.loss is None else load_name(options.loss, "--loss", "net.py:loss")
    if loss is not None and not callable(loss):
        raise RefusalError(
            f"--loss: {options.loss} is {type(loss).__name__}; it should be a function "
            f"loss(output, target)"
        )
    if options.llc and loss is None and not _has_labels(data):
        raise RefusalError(
            "--llc: λ̂ of targets that are not class labels depends on the scale of the loss; give "
            "it by --loss FILE.py:NAME, such as "
            "0.5 * ((output - target)**2).sum(-1) / σ²"
        )
    files = [
        Path(where.rpartition(":")[0])
        for where in (options.model, options.data, options.loss)
        if where is not None
    ]
    with blaming(*files):
        try:
            found = timeline(
                options.checkpoints,
                module,
                data=data,
                loss=loss,
                tolerance=options.tolerance,
                learning_coefficient={"seed": options.seed} if options.llc else False,
                folder=options.folder,
            )
        except TypeError as error:
            if not str(error).startswith("data: "):
                raise
            raise RefusalError(
                f"--data: {options.data}: {str(error).removeprefix('data: ')}"
            ) from error
    name = options.checkpoints.absolute().name
    figure, not_drawn = saved_or_why(plot.timeline(found, name), out, f"{name}-timeline")
    if options.json:
        given = {key: getattr(options, key) for key in ("checkpoints", "model", "data", "loss")}
        print_document({"command": "flow timeline", **given, **found.to_dict(), "figure": figure})
    else:
        print(f"{options.checkpoints}\n\n{found.summary()}\n\n  figure: {figure or 'not written'}")
    if not_drawn is not None:  # the answer is printed all the same
        raise not_drawn


def _has_labels(data: Any) -> bool:
    """Whether targets are whole numbers, one per sample."""
    import torch

    from singlearn.local.torch.data import samples_of

    parts = samples_of(data, torch.device("cpu")).parts
    last = parts[-1] if isinstance(parts, tuple) else None
    return last is not None and len(parts) == 2 and not last.is_floating_point() and last.ndim == 1
