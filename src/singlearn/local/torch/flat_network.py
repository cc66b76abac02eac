"""A module as a function of one vector: the coordinates that chains live in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from singlearn.local.gamma import choose_gamma
from singlearn.local.names import Selection, Tie, tie_scales
from singlearn.local.target import in_float32
from singlearn.local.torch.coordinates import (
    entries_to_sample,
    flat_view,
    one_kind,
    out_of_flat,
    per_direction,
    places,
    widest_kind,
)
from singlearn.local.torch.data import fitted, widened
from singlearn.local.torch.embedding import with_true_gradients
from singlearn.local.torch.module import copied
from singlearn.results.caution import Caution

HALF = (torch.float16, torch.bfloat16)


class FlatNetwork:
    r"""A copy of a module in evaluation mode, whose sampled parameters are one vector.

    The caller's module and its mode are not touched. Dropout is off, and BatchNorm uses its running
    statistics as constants. Parameters of 16 bits are held with 32.

    Args:
        model: the module.
        only: which parameters are sampled; by default those that require a gradient.
        gamma: γ; ``"auto"``: by :func:`singlearn.local.gamma.choose_gamma`.
        double: compute in float64.

    Attributes:
        module: the copy.
        copy: how it was made.
        every: all parameters at w*, by name.
        fixed: all parameters and buffers at w*, by name.
        chosen: the sampled ones of ``every``.
        centre: w*, in the coordinates of the chains: parameters in units of their ties.
        dimension: d, how many coordinates there are.
        groups: the coordinates of every tensor.
        tie: γ in units of the parameters.
        gamma: γ on the coordinates.
        half: types of 16 bits that parameters had.
        notes: what is to be said of it.

    Raises:
        ValueError: parameters that are not finite; names that match nothing.
    """

    def __init__(
        self, model: torch.nn.Module, only: Selection, gamma: Tie, double: bool = False
    ) -> None:
        self.copy = copied(model)
        self.module = self.copy.module
        if double:
            self.module.double()
        padded = with_true_gradients(self.module)
        self.notes: tuple[Caution, ...] = ()
        self.half = [p.dtype for p in self.module.parameters() if p.dtype in HALF]
        if self.half:
            self.module._apply(lambda part: part.float() if part.dtype in HALF else part)
            self.notes = (in_float32(str(self.half[0])),)
        self.every = {name: p.detach() for name, p in self.module.named_parameters()}
        for name, p in self.every.items():
            if not bool(torch.isfinite(p).all()):
                raise ValueError(
                    f"model: the parameter {name} has entries that are not finite; a trained "
                    f"network should have none"
                )
        self.fixed = {**self.every, **dict(self.module.named_buffers())}
        masks = entries_to_sample(self.module, only, padded)
        self.chosen = {name: self.every[name] for name in masks}
        self.device = next(iter(self.chosen.values())).device
        self.dtype = widest_kind(list(self.chosen.values()))
        self._kind = one_kind(self.module)
        self._indices = {
            name: torch.as_tensor(places(mask, self._complex(name)), device=self.device)
            for name, mask in masks.items()
        }
        self.tie: Tie = gamma
        if isinstance(gamma, str):
            self.tie = choose_gamma({name: p.cpu().numpy() for name, p in self.every.items()})
        self.gamma, scales = tie_scales(masks, self.tie, known=self.every)
        scale = [per_direction(scales[name], self._complex(name)) for name in self._indices]
        self._scale = torch.as_tensor(np.concatenate(scale), dtype=self.dtype, device=self.device)
        at = [
            flat_view(self.every[name])[index].to(self.dtype)
            for name, index in self._indices.items()
        ]
        self.centre = torch.cat(at) / self._scale
        self.dimension = len(self.centre)
        self.groups = self._groups()

    def _complex(self, name: str) -> bool:
        return self.every[name].is_complex()

    def _groups(self) -> dict[str, slice]:
        ends = np.cumsum([len(index) for index in self._indices.values()])
        return {
            name: slice(int(end) - len(index), int(end))
            for end, (name, index) in zip(ends, self._indices.items(), strict=True)
        }

    def fitted(self, parts: Any) -> Any:
        """Samples in the number types that the module has."""
        return fitted(widened(parts, HALF) if self.half else parts, self._kind)

    def values(
        self, flat: torch.Tensor, fixed: dict[str, torch.Tensor] | None = None
    ) -> dict[str, torch.Tensor]:
        """All parameters and buffers by name, the sampled ones at ``flat``."""
        values = dict(self.fixed if fixed is None else fixed)
        # The derivative of a split joins the parts once; that of a slice fills as many numbers as
        # there are parameters, once a slice.
        parts = (self._scale * flat).split([len(index) for index in self._indices.values()])
        for (name, index), part in zip(self._indices.items(), parts, strict=True):
            whole = values[name]
            at = flat_view(whole)
            part = part.to(at.dtype)
            values[name] = out_of_flat(
                part if len(index) == at.numel() else at.index_copy(0, index, part), whole
            )
        return values
