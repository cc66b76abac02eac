"""Weights of a PyTorch module from files, without executing anything that is in them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from singlearn.local.torch.module import copy_to_load, unwrapped
from singlearn.local.weight_files import ENDINGS

WITHIN = ("state_dict", "model_state_dict", "model")
"""Under which of its names a training script's checkpoint keeps the weights."""
PREFIXES = ("module.", "_orig_mod.", "model.")
"""What wrappers (data parallel, compiled, a trainer's) write before every name."""


def read_state(path: Path, module: torch.nn.Module | None = None) -> dict[str, torch.Tensor]:
    """The state dictionary in a file, or in the only checkpoint of a folder.

    Args:
        path: a .safetensors file, or one written by ``torch.save``: a state dictionary, or a
            dictionary that holds one as ``state_dict``, ``model_state_dict`` or ``model``. It is
            loaded as weights only: nothing in it is executed.
        module: one of Hugging Face's ``transformers`` reads a folder with a config.json itself: it
            knows of pieces, tied weights and names that differ from the module's.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: a folder with no checkpoint or several, an unknown ending, or contents that are
            not weights.
        ImportError: a .safetensors file, and the package is not installed.
    """
    transformers = sys.modules.get("transformers")
    if (
        transformers is not None
        and isinstance(module, transformers.PreTrainedModel)
        and (path / "config.json").is_file()
    ):
        return _read_pretrained(path, type(module))
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in ENDINGS)
        if len(files) != 1:
            found = ", ".join(file.name for file in files[:6]) or "none"
            raise ValueError(
                f"checkpoint: {path} holds {found}; it should hold one file ending in "
                f"{', '.join(ENDINGS)}, or name the file"
            )
        path = files[0]
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint: {path} does not exist")
    if path.suffix not in ENDINGS:
        raise ValueError(
            f"checkpoint: {path} ends in {path.suffix!r}; it should end in one of "
            f"{', '.join(ENDINGS)}"
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in the unpickler in any way at all
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"checkpoint: {path} is not a PyTorch file of weights ({reason})"
        ) from None
    for key in WITHIN:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(value, torch.Tensor) for value in content.values())
    ):
        names = (
            f" with {', '.join(map(str, list(content)[:6]))}"
            if isinstance(content, Mapping)
            else ""
        )
        raise ValueError(
            f"checkpoint: {path} holds a {type(content).__name__}{names}; it should hold a state "
            f"dictionary of tensors"
        )
    return dict(content)


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise ImportError(
            f"{path}: .safetensors files need the package safetensors (pip install safetensors)"
        ) from None
    try:
        state: dict[str, torch.Tensor] = load_file(path)
    except Exception as error:  # a damaged header raises the package's own exception
        raise ValueError(f"checkpoint: {path} is not a safetensors file ({error})") from None
    return state


def _read_pretrained(path: Path, kind: Any) -> dict[str, torch.Tensor]:
    try:
        loaded, report = kind.from_pretrained(path, output_loading_info=True, local_files_only=True)
    except Exception as error:  # damaged files raise whatever their readers raise
        raise ValueError(
            f"checkpoint: {kind.__name__} cannot read {path} ({' '.join(str(error).split())[:200]})"
        ) from None
    # What is missing was filled with random numbers.
    if report["missing_keys"] or report["mismatched_keys"]:
        names = ", ".join(map(str, [*report["missing_keys"], *report["mismatched_keys"]][:4]))
        raise ValueError(
            f"checkpoint: {path} lacks {names}, or has another shape of it; {kind.__name__} "
            f"needs it"
        )
    return dict(loaded.state_dict())


def with_weights(
    module: torch.nn.Module, state: Mapping[str, torch.Tensor], name: str
) -> torch.nn.Module:
    """A copy of the module with these weights. Prefixes that wrappers put before every name are
    dropped if that makes the names fit, and of two names that the module has for one tensor, one
    will do.

    Raises:
        ValueError: names or shapes that differ from the module's.

    >>> layer = torch.nn.Linear(1, 1, bias=False)
    >>> with_weights(layer, {"module.weight": torch.tensor([[2.0]])}, "step 5").weight.item()
    2.0
    """
    module = unwrapped(module)
    own = module.state_dict()
    given = _with_twins(state, own)
    while given and set(given) != set(own):
        prefix = next((p for p in PREFIXES if all(key.startswith(p) for key in given)), None)
        if prefix is None:
            break
        given = _with_twins({key[len(prefix) :]: value for key, value in given.items()}, own)
    absent, unknown = sorted(set(own) - set(given)), sorted(set(given) - set(own))
    if absent or unknown:
        parts = [
            f"{what} {', '.join(names[:4])}{' …' if len(names) > 4 else ''}"
            for what, names in (("lacks", absent), ("has besides", unknown))
            if names
        ]
        raise ValueError(
            f"checkpoint: {name} {' and '.join(parts)}; its names should be those of the model"
        )
    for key, value in given.items():
        if value.shape != own[key].shape:
            raise ValueError(
                f"checkpoint: in {name}, {key} has shape {tuple(value.shape)}; the model's has "
                f"{tuple(own[key].shape)}"
            )
    loaded = copy_to_load(module)
    loaded.load_state_dict(given)
    return loaded


def _with_twins(
    given: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """With the other names of what the module has under several."""
    found = dict(given)
    for key in set(own) - set(given):
        twin = next(
            (other for other in given if other in own and _same(own[key], own[other])), None
        )
        if twin is not None:
            found[key] = given[twin]
    return found


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether both are one tensor (tied weights)."""
    return (
        one.numel() > 0
        and one.data_ptr() == other.data_ptr()
        and one.shape == other.shape
        and one.stride() == other.stride()
    )
