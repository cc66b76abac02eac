"""A trained network with its data and its loss, as commands name them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from singlearn.cli.arguments import as_number
from singlearn.cli.python_file import blaming, load_name, place_in
from singlearn.results.refusal import RefusalError


class Trained(NamedTuple):
    """What was brought.

    Attributes:
        module: with its weights.
        loss: of samples, or of tokens.
        data: as tensors.
        named: the loss in words.
        files: that the user wrote, to blame for what they raise.
    """

    module: Any
    loss: Callable[..., Any]
    data: Any
    named: str
    files: list[Path]


def add_network_arguments(command: argparse.ArgumentParser) -> None:
    """Where the network, its data and its loss are, and how chains are run."""
    brought = command.add_argument_group("the network")
    brought.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        type=Path,
        help="weights: .pt or .safetensors, or a folder with one, such as Hugging Face's",
    )
    brought.add_argument(
        "--model",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is the module, or a function without arguments that builds it",
    )
    brought.add_argument(
        "--data",
        required=True,
        metavar="FILE.py:NAME",
        help="NAME is a pair of tensors (inputs, targets), a Dataset or a DataLoader, or a "
        "function that returns one",
    )
    brought.add_argument(
        "--loss",
        metavar="FILE.py:NAME",
        help="NAME is a function loss(output, target), or loss(model, batch), of losses in nats, "
        "one per sample; not needed for class labels (cross entropy)",
    )
    brought.add_argument(
        "--tokens",
        choices=("mean", "sum"),
        help="the loss gives one number per token, shape (samples, tokens): the loss of a sample "
        "is their mean, or their sum",
    )
    brought.add_argument(
        "--device",
        metavar="NAME",
        help="where to compute, such as cuda or cuda:1 (default: where the module is)",
    )
    # What these may be the library says, in one place and in the same words.
    chains = command.add_argument_group("the chains")
    chains.add_argument(
        "--gamma",
        type=as_number,
        default="auto",
        metavar="γ",
        help="tie to the trained parameters, in 1/parameter² (default: by the size of the weights)",
    )
    chains.add_argument(
        "--nbeta",
        type=as_number,
        metavar="nβ",
        help="inverse temperature times the number n of samples (default n / log n)",
    )
    chains.add_argument(
        "--chains",
        type=as_number,
        default=8,
        metavar="N",
        help="half start at w*, half away from it (default 8)",
    )
    chains.add_argument(
        "--max-steps",
        type=as_number,
        default=100_000,
        metavar="N",
        help="steps of each chain at most (default 100000)",
    )


def chain_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What :func:`add_network_arguments` asks of the chains, under the library's names."""
    names = ("gamma", "nbeta", "chains", "max_steps", "seed")
    return {name: getattr(options, name) for name in names}


def as_given(options: argparse.Namespace, brought: Trained) -> dict[str, Any]:
    """The first lines of a command's JSON document."""
    names = ("checkpoint", "model", "data", "only")
    return {name: getattr(options, name) for name in names} | {"loss_function": brought.named}


def trained_network(options: argparse.Namespace, command: str) -> Trained:
    """Load what :func:`add_network_arguments` names.

    Raises:
        ImportError: PyTorch is not installed.
        RefusalError: something else than was asked for.
    """
    from singlearn.cli.torch_module import load_module, needed_torch

    torch = needed_torch(command)
    from singlearn.local.torch.data import samples_of
    from singlearn.local.torch.weights import read_state, with_weights

    module = load_module(options.model)
    trained = with_weights(module, read_state(options.checkpoint, module), str(options.checkpoint))
    if options.device is not None:
        try:
            trained = trained.to(torch.device(options.device))
        except (RuntimeError, AssertionError) as error:
            raise RefusalError(
                f"--device: {options.device}: {' '.join(str(error).split())[:160]}"
            ) from None
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
            if options.tokens is not None:
                raise RefusalError("--tokens: needs a loss of tokens; give it by --loss")
            loss, named = cross_entropy_if_labels(trained, data), "cross entropy of class labels"
        else:
            loss, named = load_name(options.loss, "--loss", "net.py:loss"), options.loss
            if not callable(loss):
                raise RefusalError(
                    f"--loss: {options.loss} is {type(loss).__name__}; it should be a function "
                    f"loss(output, target)"
                )
            if options.tokens is not None:
                named = f"{named}, {options.tokens} over tokens"
    return Trained(trained, loss, data, named, files)


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
            f"--loss: missing, and the data are not a pair (inputs, class labels); {ask}"
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
            f"not class labels; {ask}"
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
            f"--loss: missing, and the output {shape} is not a score for each class from "
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
