"""``FILE.py:NAME`` where NAME is a PyTorch module."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from singlearn.cli.python_file import load_name
from singlearn.results.refusal import RefusalError


def needed_torch(command: str) -> Any:
    """PyTorch, which is imported for the commands that need it only.

    Args:
        command: that needs it.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return import_module("torch")
    except ImportError:
        raise ImportError(
            f"{command} needs PyTorch; install it with pip install 'singlearn[torch]'"
        ) from None


def load_module(where: str, argument: str = "--model") -> Any:
    """The module that ``FILE.py:NAME`` is or returns.

    Args:
        where: file, colon, name.
        argument: how the command line calls it.

    Raises:
        RefusalError: as :func:`load_name`, or it is not a module.
    """
    kind = import_module("torch").nn.Module
    module = load_name(where, argument, "net.py:build", call=True, kind=kind)
    if not isinstance(module, kind):
        raise RefusalError(
            f"{argument}: {where} is {type(module).__name__}; it should be a torch.nn.Module or "
            f"return one"
        )
    return module
