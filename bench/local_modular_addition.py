"""λ̂ of a transformer of 10,000 parameters trained on modular addition: does the default tie need
eyes?

python bench/local_modular_addition.py            # trains (half a minute), then the default, γ = 10
and γ = 300
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import nn

from singlearn.local import llc

PRIME, WIDTH, HEADS, HIDDEN = 31, 32, 4, 64


class Transformer(nn.Module):
    """One block of attention and one of ReLUs on the tokens a, b, =; the logits of a + b mod 31 at
    the last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Parameter(0.1 * torch.randn(PRIME + 1, WIDTH))
        self.positions = nn.Parameter(0.1 * torch.randn(3, WIDTH))
        self.query, self.key, self.value, self.out = (
            nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4)
        )
        self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.unembed = nn.Linear(WIDTH, PRIME, bias=False)

    def forward(self, pair: torch.Tensor) -> torch.Tensor:
        """Logits.

        Args:
            pair: numbers a and b, batch × 2.
        """
        equals = torch.full_like(pair[:, :1], PRIME)
        x = self.tokens[torch.cat([pair, equals], dim=1)] + self.positions
        query, key, value = (
            f(x).unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)
            for f in (self.query, self.key, self.value)
        )
        mixed = (
            torch.softmax(query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5, dim=-1) @ value
        )
        x = x + self.out(mixed.transpose(1, 2).flatten(-2))
        x = x + self.down(torch.relu(self.up(x)))
        return self.unembed(x[:, -1])


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """All pairs and their sums."""
    every = torch.cartesian_prod(torch.arange(PRIME), torch.arange(PRIME))
    return every, every.sum(1) % PRIME


def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy, one number a pair."""
    return nn.functional.cross_entropy(output, target, reduction="none")


def trained(steps: int, seed: int = 0) -> Transformer:
    """By full-batch AdamW with weight decay, ever more slowly."""
    torch.manual_seed(seed)
    net, (x, y) = Transformer(), data()
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.1, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(net(x), y).mean().backward()
        optimiser.step()
        schedule.step()
    return net


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--max-steps", type=int, default=4000)
    parser.add_argument("--weights", type=Path, help="kept there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    net = Transformer()
    if options.weights is not None and options.weights.exists():
        net.load_state_dict(torch.load(options.weights))
    else:
        net = trained(options.steps)
        if options.weights is not None:
            torch.save(net.state_dict(), options.weights)
    sizes = {name: float(p.detach().square().mean().sqrt()) for name, p in net.named_parameters()}
    print(
        f"{sum(p.numel() for p in net.parameters())} parameters",
        {name: round(size, 3) for name, size in sizes.items()},
    )
    print("accuracy", float((net(data()[0]).argmax(1) == data()[1]).double().mean()))
    for name, more in (
        ("default", {}),
        ("gamma = 300", {"gamma": 300.0}),
        ("gamma = 10", {"gamma": 10.0}),
    ):
        begun = time.process_time()
        found = llc(net, loss, data(), max_steps=options.max_steps, **more)
        print(f"\n{name}: {time.process_time() - begun:.0f} CPU s\n{found}")


if __name__ == "__main__":
    main()
