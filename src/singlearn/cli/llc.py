"""``singlearn llc``."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from singlearn.cli.arguments import Commands, add_command, as_number
from singlearn.cli.figure_file import place, saved_or_why
from singlearn.cli.python_file import blaming, load_name, place_in
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError
from singlearn.results.table import Column, aligned

FAILED = 1


def add_arguments(commands: Commands) -> None:
    """Add the command and its arguments."""
    command = add_command(
        commands,
        "llc",
        "measure the local learning coefficient λ̂ of a trained PyTorch network",
        "singlearn llc net.pt --model net.py:build --data net.py:data --only 'layers.3.*'",
    )
    command.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        type=Path,
        help="weights: .pt or .safetensors, or a folder with one",
    )
    command.add_argument(
        "--model",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is the module, or a function without arguments that builds it",
    )
    command.add_argument(
        "--data",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is a pair of tensors (inputs, targets), a Dataset or a DataLoader, or a "
        "function that returns one",
    )
    command.add_argument(
        "--loss",
        metavar="FILE.py:NAME",
        help="NAME is a function loss(output, target) of per-sample losses in nats; not needed for "
        "class labels (cross entropy)",
    )
    command.add_argument(
        "--only",
        action="append",
        metavar="PATTERN",
        help="sample the parameters with such names, such as 'layers.3.*'; may be repeated",
    )
    # What these may be the library says, in one place and in the same words.
    command.add_argument(
        "--gamma",
        type=as_number,
        default="auto",
        metavar="γ",
        help="tie to the trained parameters (default: by the size of the weights)",
    )
    command.add_argument(
        "--chains",
        type=as_number,
        default=8,
        metavar="N",
        help="half start at w*, half away from it (default 8)",
    )
    command.add_argument(
        "--max-steps",
        type=as_number,
        default=100_000,
        metavar="N",
        help="steps of each chain at most (default 100000)",
    )


def run(options: argparse.Namespace) -> int:
    """Load weights, model and data, sample around the weights, print λ̂ with its verdict and draw
    the chains; 1 if λ̂ is withheld.
    """
    try:
        import torch
    except ImportError:
        raise ImportError(
            "llc needs PyTorch; install it with pip install 'singlearn[torch]'"
        ) from None
    from singlearn import plot
    from singlearn.local import llc
    from singlearn.local.chains import Chains
    from singlearn.local.torch.data import samples_of
    from singlearn.local.torch.weights import read_state, with_weights

    # Refused before anything is read, in the words of the library.
    Chains(
        gamma=options.gamma,
        chains=options.chains,
        max_steps=options.max_steps,
        seed=options.seed,
    )
    out = place(options.out)
    module = load_name(options.model, "--model", "net.py:build", call=True, kind=torch.nn.Module)
    if not isinstance(module, torch.nn.Module):
        raise RefusalError(
            f"--model: {options.model} is {type(module).__name__}; it should be a torch.nn.Module "
            f"or return one"
        )
    trained = with_weights(module, read_state(options.checkpoint, module), str(options.checkpoint))
    data = load_name(
        options.data, "--data", "net.py:data", call=True, kind=torch.utils.data.Dataset
    )
    files = [
        Path(where.rpartition(":")[0])
        for where in (options.model, options.data, options.loss)
        if where is not None
    ]
    with blaming(*files):
        try:
            data = samples_of(data, torch.device("cpu"))
        except TypeError as error:
            if place_in(error, files) is not None:
                raise
            raise RefusalError(
                f"--data: {options.data}: {str(error).removeprefix('data: ')}"
            ) from error
        if options.loss is None:
            loss, named = cross_entropy_if_labels(trained, data), "cross entropy of class labels"
        else:
            loss, named = load_name(options.loss, "--loss", "net.py:loss"), options.loss
            if not callable(loss):
                raise RefusalError(
                    f"--loss: {options.loss} is {type(loss).__name__}; it should be a function "
                    f"loss(output, target)"
                )
        found = llc(
            trained,
            loss,
            data,
            only=options.only,
            gamma=options.gamma,
            chains=options.chains,
            max_steps=options.max_steps,
            seed=options.seed,
        )
    name = options.checkpoint.absolute().stem
    figure, not_drawn = saved_or_why(plot.chains(found, name), out, f"{name}-llc")
    if options.json:
        given = {
            name: getattr(options, name) for name in ("checkpoint", "model", "data", "only")
        } | {"loss_function": named}
        print_document({"command": "llc", **given, **found.to_dict(), "figure": figure})
    else:
        restricted = "" if options.only is None else f"   only {', '.join(options.only)}"
        print(
            f"{options.checkpoint}   loss: "
            f"{named}{restricted}\n\n{found}\n\n{per_chain(found)}\n\n  figure: "
            f"{figure or 'not written'}"
        )
    # A full disk, say: the answer took long, and is printed all the same.
    if not_drawn is not None:
        raise not_drawn
    return FAILED if math.isnan(found.value) else 0


def cross_entropy_if_labels(module: Any, data: Any) -> Callable[..., Any]:
    """Cross entropy, if the data are inputs with one whole number and the outputs one score for
    each class; nothing else is guessed.

    The scale of a squared error (what noise?) changes λ̂, so there is no default for it.

    Raises:
        RefusalError: anything else.
    """
    import torch

    from singlearn.local.torch.data import as_tensors, take

    tensors = as_tensors(data, next(module.parameters()).device)
    ask = (
        "give the loss per sample in nats by --loss FILE.py:NAME, such as 0.5 * ((output - "
        "target)**2).sum(-1) / σ²"
    )
    if not isinstance(tensors, tuple) or len(tensors) < 2:
        raise RefusalError(
            f"--loss: missing, and the data are no pair (inputs, class labels); {ask}"
        )
    target = tensors[-1]
    if (
        target.is_floating_point()
        or target.is_complex()
        or target.dtype == torch.bool
        or target.ndim != 1
    ):
        raise RefusalError(
            f"--loss: missing, and the targets ({target.dtype}, shape {tuple(target.shape)}) are "
            f"no class labels; {ask}"
        )
    with torch.no_grad():
        output = module.eval()(*take(tensors, slice(0, 2))[:-1])
    scores = isinstance(output, torch.Tensor) and output.ndim == 2 and output.is_floating_point()
    if (
        not scores
        or output.shape[1] < 2
        or int(target.min()) < 0
        or int(target.max()) >= output.shape[1]
    ):
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise RefusalError(
            f"--loss: missing, and the output {shape} is no score for each class from "
            f"{target.min()} to {target.max()}; {ask}"
        )
    if bool((output >= 0).all()) and torch.allclose(
        output.sum(1), torch.ones(len(output), dtype=output.dtype), atol=1e-4
    ):
        raise RefusalError(
            f"--loss: missing, and the output looks like probabilities, of which cross entropy "
            f"would be wrong; {ask}"
        )

    def cross_entropy(output: Any, target: Any) -> Any:
        return torch.nn.functional.cross_entropy(output, target.long(), reduction="none")

    return cross_entropy


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
