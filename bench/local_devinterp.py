"""Langevin steps per second against devinterp 1.3.2: 8 chains, the same steps and batches,
interleaved, compilation apart.

This file runs twice: here, and with ``--worker`` in the interpreter that has devinterp (see
README.md), where it must not import singlearn. ``loader`` is the DataLoader that its users have,
``fast`` indexes tensors in place. Times are CPU seconds of one thread, so that other work on the
machine matters less.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch

CHAINS = 8
GAMMA, STEP = 10.0, 1e-5
CASES = {
    "deep linear": (64, 200),
    "small MLP": (64, 200),
    "convolution": (32, 20),
    "small GPT": (16, 10),
}
"""Samples of a minibatch, steps of each chain."""


class Block(torch.nn.Module):
    """Attention and a perceptron, before each a norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.qkv, self.out = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.up, self.down = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(-2, -3)
            for part in self.qkv(self.before(x)).chunk(3, dim=-1)
        )
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(-2, -3).flatten(-2))
        result: torch.Tensor = x + self.down(torch.nn.functional.gelu(self.up(self.between(x))))
        return result


class Gpt(torch.nn.Module):
    """Two blocks of width 64 on 32 of 64 tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.place = (
            torch.nn.Embedding(64, 64),
            torch.nn.Parameter(0.1 * torch.randn(32, 64)),
        )
        self.blocks = torch.nn.Sequential(Block(64, 4), Block(64, 4))
        self.head = torch.nn.Linear(64, 64)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.head(self.blocks(self.token(tokens) + self.place))
        return result


def squared(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return 0.5 * ((output - target) ** 2).sum(-1)


def entropy(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(output, target, reduction="none")


def entropy_of_tokens(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (
        torch.nn.functional.cross_entropy(output.flatten(0, 1), target.flatten(), reduction="none")
        .reshape(target.shape)
        .mean(-1)
    )


def build(
    case: str,
) -> tuple[torch.nn.Module, Callable[..., torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """Model, loss of samples, data."""
    torch.manual_seed(0)
    linear, relu = torch.nn.Linear, torch.nn.ReLU
    if case == "deep linear":
        widths = [10, 20, 20, 10]
        model = torch.nn.Sequential(*(linear(a, b, bias=False) for a, b in pairwise(widths)))
        x = torch.randn(10_000, 10)
        return model, squared, (x, model(x).detach() + 0.5 * torch.randn(10_000, 10))
    if case == "small MLP":
        model = torch.nn.Sequential(linear(32, 64), relu(), linear(64, 64), relu(), linear(64, 10))
        return model, entropy, (torch.randn(10_000, 32), torch.randint(10, (10_000,)))
    if case == "convolution":
        first, second = torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.Conv2d(8, 16, 3, padding=1)
        pool = torch.nn.MaxPool2d(2)
        model = torch.nn.Sequential(
            first, relu(), pool, second, relu(), pool, torch.nn.Flatten(), linear(16 * 16, 10)
        )
        return model, entropy, (torch.randn(2000, 1, 16, 16), torch.randint(10, (2000,)))
    tokens = torch.randint(64, (1000, 33))
    return Gpt(), entropy_of_tokens, (tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous())


class Fast(torch.utils.data.DataLoader[Any]):
    """Minibatches indexed in place, for ever."""

    def __init__(self, data: tuple[torch.Tensor, torch.Tensor], batch: int) -> None:
        super().__init__(torch.utils.data.TensorDataset(*data), batch_size=batch)
        self.parts = data

    def __iter__(self) -> Iterator[list[torch.Tensor]]:  # type: ignore[override]
        while True:
            index = torch.randint(len(self.parts[0]), (self.batch_size,))  # type: ignore[arg-type]
            yield [part[index] for part in self.parts]


def worker() -> None:
    """Answer each line ``{"case": …, "loader": …, "steps": …}`` with CPU seconds."""
    from devinterp.optim.sgld import SGLD
    from devinterp.slt.sampler import estimate_learning_coeff_with_summary

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for line in sys.stdin:
        asked = json.loads(line)
        model, loss, data = build(asked["case"])
        batch = CASES[asked["case"]][0]
        if asked["loader"] == "fast":
            loader: Any = Fast(data, batch)
        else:
            loader = torch.utils.data.DataLoader(
                torch.utils.data.TensorDataset(*data), batch_size=batch, shuffle=True
            )

        def evaluate(model: Any, batch: Any, loss: Any = loss) -> Any:
            return loss(model(batch[0]), batch[1]).mean()

        begun = time.process_time()
        found = estimate_learning_coeff_with_summary(
            model,
            loader,
            evaluate=evaluate,
            sampling_method=SGLD,
            num_chains=CHAINS,
            num_draws=asked["steps"],
            init_loss=1.0,
            verbose=False,
            optimizer_kwargs={"lr": STEP, "localization": GAMMA, "nbeta": 1000.0},
        )
        print(
            json.dumps({"seconds": time.process_time() - begun, "mean": float(found["llc/mean"])}),
            flush=True,
        )


def ours(case: str, compiled: bool) -> Callable[[int], float]:
    """Seconds of so many steps of our chains; the first call records the model."""
    import numpy as np

    from singlearn.local.target import Tempering
    from singlearn.local.torch import recording as recorded
    from singlearn.local.torch.target import TorchTarget

    recorded.COMPILE_AFTER = 1
    model, loss, data = build(case)
    target = TorchTarget(model, loss, data, compile=compiled)
    state = target.begin(np.zeros(CHAINS), 0)

    def seconds(steps: int) -> float:
        begun = time.process_time()
        target.walk(state, np.full(CHAINS, STEP), CASES[case][0], steps, Tempering(1000.0, GAMMA))
        return time.process_time() - begun

    return seconds


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--python", required=True, help="an interpreter that has devinterp 1.3.2 and torch"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with subprocess.Popen(
        [options.python, __file__, "--worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as rival:
        assert rival.stdin is not None and rival.stdout is not None

        def theirs(case: str, loader: str, steps: int) -> float:
            print(
                json.dumps({"case": case, "loader": loader, "steps": steps}),
                file=rival.stdin,
                flush=True,
            )  # type: ignore[arg-type]
            return float(json.loads(rival.stdout.readline())["seconds"])  # type: ignore[union-attr]

        print(
            f"{'':<14}{'ours ms/step':>13}{'devinterp':>11}"
            f"{'its own loader':>15}{'fast loader':>13} "
            f"  (8 chains; ratios: median, least)"
        )
        for case in options.cases:
            steps = CASES[case][1]
            mine, loaders = ours(case, options.compile), ("loader", "fast")
            for first in (mine, *(lambda n, c=case, k=k: theirs(c, k, n) for k in loaders)):
                first(2)
            rounds = [
                (mine(steps), *(theirs(case, k, steps) for k in loaders))
                for _ in range(options.repeats)
            ]
            middle = len(rounds) // 2
            a_step = [1e3 * sorted(r[i] for r in rounds)[middle] / steps for i in (0, 1)]
            slow, fast = (sorted(r[i] / r[0] for r in rounds) for i in (1, 2))
            print(
                f"{case:<14}{a_step[0]:>13.2f}{a_step[1]:>11.1f}"
                f"{f'{slow[middle]:.1f}x, {slow[0]:.1f}x':>15}"
                f"{f'{fast[middle]:.1f}x, {fast[0]:.1f}x':>13}",
                flush=True,
            )
        rival.stdin.close()


if __name__ == "__main__":
    worker() if "--worker" in sys.argv else main()
