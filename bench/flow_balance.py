"""Balancing a network of a million parameters: how long, how exact.

There is no public rival that certifies the minimum. What people do instead is a fixed number of
sweeps of node-by-node rescaling (each node to s⁴ = |G_in|²/|G_out|²); the same sweeps are run here,
beside the Newton steps, on the same gradients.
"""

import time
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from singlearn import flow
from singlearn.flow.balance_scales import (
    Edges,
    ScaleProgram,
    _added,
    _residual,
    _sweep,
    flows,
    minimise,
)

SWEEPS = (1, 3, 10, 30)


def perceptron(widths, seed):
    torch.manual_seed(seed)
    parts = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())][:-1]
    return nn.Sequential(*parts)


def program_of(net, loss):
    net.zero_grad()
    loss(net).backward()
    layers = [part for part in net if isinstance(part, nn.Linear)]
    edges, last = [], len(layers) - 1
    for k, layer in enumerate(layers):
        head = k if k < last else None
        edges.append(Edges(k - 1 if k else None, head, layer.weight.grad.double().numpy() ** 2))
        edges.append(Edges(None, head, layer.bias.grad.double().numpy()[:, None] ** 2))
    return ScaleProgram(
        tuple(layer.out_features for layer in layers[:-1]), (1.0,) * last, tuple(edges)
    )


def main():
    heads = (
        ("network", 26),
        ("parameters", 11),
        ("solve, s", 10),
        ("all, s", 8),
        ("Newton", 8),
        ("|in - out|", 12),
        ("gap / value", 13),
    )
    print(
        "".join(
            name.ljust(size) if name == "network" else name.rjust(size) for name, size in heads
        ),
        "  |g|² before     after",
    )
    for widths in ((784, 700, 500, 200, 10), (64, *[128] * 50, 10), (16, *[32] * 200, 1)):
        net = perceptron(widths, 0)
        generator = torch.Generator().manual_seed(1)
        if len(widths) > 100:
            net = net.double()  # gradients of the first layers are below what single precision has
        kind = next(net.parameters()).dtype
        x, y = (
            torch.randn(64, size, generator=generator).to(kind) for size in (widths[0], widths[-1])
        )

        def loss(n, x=x, y=y):
            return (n(x) - y).square().mean()

        program = program_of(net, loss)
        start = time.process_time()
        found = minimise(program)
        solved = time.process_time() - start
        start = time.process_time()
        answer = flow.balance(net, loss)
        whole = time.process_time() - start
        count = sum(p.numel() for p in net.parameters())
        name = f"{widths[0]}-{widths[1]}-…-{widths[-1]}, {len(widths) - 1} layers"
        value = float(found.value)
        print(
            f"{name:<26}{count:>11}{solved:>10.2f}{whole:>8.2f}{found.steps:>8}{float(found.residual):>12.1g}"
            f"{float(found.gap) / value:>13.1g}{answer.before:>13.4g}{answer.after:>10.4g}"
        )
        sweeps(program, value)


def sweeps(program, least):
    """What sweeps alone reach."""
    x, done = [np.zeros(n) for n in program.sizes], 0
    start, said = time.process_time(), []
    for count in SWEEPS:
        for _ in range(count - done):
            x = _added(x, _sweep(program, flows(program, x)))
        done = count
        values = flows(program, x)
        above = sum(v.sum() for v in values) / least - 1
        said.append(
            f"{count}: {above:.0e} above, |in - out| {float(_residual(program, values)):.0e}"
        )
    print(f"  sweeps alone ({time.process_time() - start:.1f} s): {'; '.join(said)}")


if __name__ == "__main__":
    main()
