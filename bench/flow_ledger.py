"""What a ledger costs: steps of a ReLU network of a million parameters with and without books, side
by side.

    python bench/flow_ledger.py [--every 10 20] [--steps 60]

Each repetition times the same number of steps without a ledger, with one, and with one that streams
to disk, in turns, so that what else the machine does falls on all of them alike. Times are
processor seconds of this process.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from singlearn import flow

WIDTHS = (256, 768, 768, 256)
BATCH = 256


def network() -> nn.Sequential:
    layers: list[nn.Module] = []
    for ins, outs in itertools.pairwise(WIDTHS):
        layers += [nn.Linear(ins, outs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def seconds(every: int | None, steps: int, file: Path | None, kind: str) -> float:
    torch.manual_seed(0)
    net, x, y = network(), torch.randn(BATCH, WIDTHS[0]), torch.randn(BATCH, WIDTHS[-1])
    optimizer = (
        torch.optim.SGD(net.parameters(), 1e-2, 0.9)
        if kind == "SGD, momentum"
        else torch.optim.AdamW(net.parameters(), 1e-3)
    )
    book = None if every is None else flow.ledger(net, optimizer, every=every, file=file)

    def step() -> None:
        optimizer.zero_grad()
        (net(x) - y).square().mean().backward()
        optimizer.step()

    step()
    start = time.process_time()
    for _ in range(steps):
        step()
    taken = time.process_time() - start
    if book is not None:
        assert not [c for c in book.cautions if "rest" in c.message or "violation" in c.message], (
            book.cautions
        )
        book.close()
    return taken / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, nargs="+", default=[10, 20])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    count = sum(parameter.numel() for parameter in network().parameters())
    print(
        f"{count} parameters, batches of {BATCH}, float32, one thread; median of {options.repeats}"
    )
    print(
        f"{'optimiser':15} {'laws every':>10} {'step':>9} {'with ledger':>12} {'overhead':>9} "
        f"{'and a file':>11}"
    )
    for kind in ("SGD, momentum", "AdamW"):
        for every in options.every:
            times: list[list[float]] = [[], [], []]
            for _ in range(options.repeats):
                with tempfile.TemporaryDirectory() as folder:
                    for kept, (k, file) in zip(
                        times,
                        ((None, None), (every, None), (every, Path(folder) / "book.jsonl")),
                        strict=True,
                    ):
                        kept.append(seconds(k, options.steps, file, kind))
            plain, books, streamed = (statistics.median(kept) for kept in times)
            print(
                f"{kind:15} {every:>10} {plain * 1e3:>6.1f} ms {books * 1e3:>9.1f} ms "
                f"{100 * (books / plain - 1):>8.1f}% "
                f"{100 * (streamed / plain - 1):>10.1f}%"
            )


if __name__ == "__main__":
    main()
