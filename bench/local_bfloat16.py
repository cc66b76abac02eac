"""What evaluation in bfloat16 does to λ̂: a deep linear network at its truth, with and without
autocast; chains move in float32 both times.

A bfloat16 has 8 bits, so that an output at w and one at w* often differ by less than their
rounding.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import torch
from local_deep_linear import deep_linear_data
from local_devinterp import squared

from singlearn.local import llc


class Autocast(torch.nn.Module):
    """A module whose matrix products are in bfloat16 and whose output is float32."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output: torch.Tensor = self.inner(x)
        return output.float()


def deep_linear(
    noise: float,
) -> tuple[torch.nn.Module, Callable[..., Any], tuple[torch.Tensor, torch.Tensor]]:
    factors, x, y = deep_linear_data([9, 17, 10], 3, 10_000, noise, 0)
    layers = [torch.nn.Linear(w.shape[1], w.shape[0], bias=False) for w in factors]
    for layer, w in zip(layers, factors, strict=True):
        layer.weight.data = torch.as_tensor(w, dtype=torch.float32)
    return (
        torch.nn.Sequential(*layers),
        squared,
        (torch.as_tensor(x).float(), torch.as_tensor(y).float()),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-steps", type=int, default=6000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for noise in (0.0, 0.5):
        model, loss, data = deep_linear(noise)
        for seed in options.seeds:
            for kind, module in (("float32", model), ("bfloat16", Autocast(model))):
                found = llc(module, loss, data, seed=seed, max_steps=options.max_steps)
                print(
                    f"9-17-10, noise {noise}, {kind:<9} seed {seed}  λ̂ = {found.estimate}  "
                    f"{found.status}  batch {found.batch}  "
                    f"R-hat {found.r_hat:.2f}  L(w*) = {found.loss:.6g}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
