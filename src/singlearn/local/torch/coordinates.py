"""Real coordinates of the parameters that are sampled, by name."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer

from singlearn.local.components import Heads, component_masks, is_component, split
from singlearn.local.names import Selection, choose


def entries_to_sample(
    module: torch.nn.Module, only: Selection, padded: Mapping[str, int]
) -> dict[str, Bool[np.ndarray, "..."]]:
    """Which entries of which parameters: a mask for every parameter of which some are sampled.

    Args:
        module: whose parameters.
        only: patterns, parts of a transformer (:mod:`singlearn.local.components`), unions of both
            such as ``"l0h3, l1 mlp"``, or masks by name; ``None``: those that require a gradient.
        padded: rows that training leaves as they are, by name; they are sampled only where a mask
            says so.

    Raises:
        ValueError: nothing to sample, whole numbers, and as :func:`singlearn.local.names.choose`.
    """
    named = dict(module.named_parameters())
    whole = {
        name: p.dtype for name, p in named.items() if not (p.is_floating_point() or p.is_complex())
    }
    eligible = {
        name: tuple(p.shape)
        for name, p in named.items()
        if name not in whole and (p.requires_grad or only is not None)
    }
    if not isinstance(only, Mapping) and only is not None:
        only = [
            part
            for given in ([only] if isinstance(only, str) else list(only))
            for part in _united(given, named)
        ]
    asked = list(only or ())
    for name, kind in whole.items():
        for pattern in asked:
            others = any(fnmatchcase(other, pattern) for other in eligible)
            if fnmatchcase(name, pattern) and not others:
                raise ValueError(
                    f"only: {pattern!r} is {name}, whose numbers are {kind}; only real and complex "
                    "floating-point numbers can be sampled"
                )
    if not eligible:
        raise ValueError(
            "model: none of its parameters requires a gradient; name those to sample by only="
        )
    parts = [] if isinstance(only, Mapping) else [p for p in asked if _is_part(p, named)]
    rest = [p for p in asked if p not in parts]
    masks = {} if parts and not rest else choose(eligible, rest if parts else only)
    for part in parts:
        for name, mask in component_masks(part, eligible, _heads(module)).items():
            masks[name] = masks[name] | mask if name in masks else mask
    if not isinstance(only, Mapping):
        for name, row in padded.items():
            if name in masks:
                masks[name] = masks[name].copy()
                masks[name][row] = False
    return {name: mask for name, mask in masks.items() if mask.any()}


def _united(given: Any, named: Mapping[str, object]) -> list[Any]:
    """The patterns of a union; a pattern that matches as it is, is one."""
    if not isinstance(given, str) or any(fnmatchcase(name, given) for name in named):
        return [given]
    return split(given) or [given]


def _is_part(pattern: object, named: Mapping[str, object]) -> bool:
    """Whether a word names a part of a transformer, and no parameter."""
    return is_component(pattern) and not any(fnmatchcase(name, str(pattern)) for name in named)


def _heads(module: torch.nn.Module) -> Heads | None:
    """How many heads the layers have, where the module says it as those of Hugging Face do."""
    for part in module.modules():
        config = getattr(part, "config", None)
        queries = getattr(config, "num_attention_heads", None)
        if isinstance(queries, int):
            keys = getattr(config, "num_key_value_heads", None)
            return Heads(queries, keys if isinstance(keys, int) else queries)
    return None


def places(mask: Bool[np.ndarray, "..."], is_complex: bool) -> Integer[np.ndarray, " d"]:
    """Where the chosen entries are in the flat real view of a parameter.

    A complex entry has two real directions, which lie side by side.

    >>> places(np.array([False, True]), is_complex=True)
    array([2, 3])
    """
    flat = np.ravel(mask)
    return np.flatnonzero(np.repeat(flat, 2) if is_complex else flat)


def per_direction(
    numbers: Float[np.ndarray, " chosen"], is_complex: bool
) -> Float[np.ndarray, " d"]:
    """A number per chosen entry as one per real direction."""
    return np.repeat(numbers, 2) if is_complex else numbers


def flat_view(tensor: torch.Tensor) -> torch.Tensor:
    """All real numbers of a tensor; of a complex entry both parts.

    >>> flat_view(torch.tensor([1 + 2j, 3j]))
    tensor([1., 2., 0., 3.])
    """
    return (torch.view_as_real(tensor) if tensor.is_complex() else tensor).reshape(-1)


def out_of_flat(flat: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The way back: numbers of :func:`flat_view` in the shape and kind of another tensor."""
    if like.is_complex():
        pairs = flat.reshape(*like.shape, 2)
        # A view needs an even place in memory, which a part of a longer vector may not have.
        return torch.complex(pairs[..., 0], pairs[..., 1])
    return flat.reshape(like.shape)


def one_kind(module: torch.nn.Module) -> torch.dtype | None:
    """The real floating-point type of all parameters; ``None`` where they have several."""
    kinds = {
        p.dtype.to_real() for p in module.parameters() if p.is_floating_point() or p.is_complex()
    }
    return kinds.pop() if len(kinds) == 1 else None


def widest_kind(tensors: list[torch.Tensor]) -> torch.dtype:
    """The real floating-point type that holds all of these."""
    kind = tensors[0].dtype.to_real()
    for tensor in tensors[1:]:
        kind = torch.promote_types(kind, tensor.dtype.to_real())
    return kind
