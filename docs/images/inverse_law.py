"""The picture of the inverse law: one node of a network is rescaled, and nothing but its gradients changes.

Run as ``python docs/images/inverse_law.py``; writes ``inverse-law.png`` beside itself.
"""

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from singlearn import flow
from singlearn.plot.style import ACCENT, INK, QUIET, quieten

SCALES = np.logspace(-2, 2, 33)
NODE = 0


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)).double()


def rescaled(net, alpha):
    copied = network()
    copied.load_state_dict(net.state_dict())
    with torch.no_grad():
        copied[0].weight[NODE] *= alpha
        copied[0].bias[NODE] *= alpha
        copied[2].weight[:, NODE] /= alpha
    return copied


def main():
    net = network()
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(64, size, generator=generator, dtype=torch.float64) for size in (3, 2))

    def loss(n):
        return (n(x) - y).square().mean()

    into, out, total, step = [], [], [], []
    for alpha in SCALES:
        moved = rescaled(net, alpha)
        loss(moved).backward()
        into.append(
            float(
                (moved[0].weight.grad[NODE].square().sum() + moved[0].bias.grad[NODE] ** 2).sqrt()
            )
        )
        out.append(float(moved[2].weight.grad[:, NODE].norm()))
        total.append(float(sum(p.grad.square().sum() for p in moved.parameters()) ** 0.5))
        step.append(2 / largest_curvature(moved, loss))
    best = float(flow.balance(net, loss).places[0].change[NODE])
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.loglog(SCALES, into, color=INK, label="gradient of weights into the node, ∝ 1/α")
    left.loglog(
        SCALES, out, color=ACCENT, linestyle="--", label="gradient of weights out of it, ∝ α"
    )
    left.loglog(SCALES, total, color=QUIET, linestyle=":", label="gradient of all weights")
    left.axvline(best, color="0.6", linewidth=0.9, zorder=0)
    left.text(best * 1.1, min(into) * 1.05, "balance", fontsize=9, color="0.35")
    left.set_ylabel("norm of the gradient")
    left.legend(frameon=False, fontsize=8.5, loc="upper center")
    left.set_ylim(top=max(into + out) * 8)
    right.loglog(SCALES, step, color=INK)
    right.axvline(best, color="0.6", linewidth=0.9, zorder=0)
    right.text(best * 1.1, min(step) * 1.2, "balance", fontsize=9, color="0.35")
    right.set_ylabel("largest stable step, 2 / λ_max of the Hessian")
    for axes in (left, right):
        axes.set_xlabel("α: weights into one node × α, out of it ÷ α")
        quieten(axes)
    figure.savefig(Path(__file__).parent / "inverse-law.png", dpi=120)


def largest_curvature(net, loss):
    names = [name for name, _ in net.named_parameters()]
    shapes = [p.shape for p in net.parameters()]
    flat = torch.cat([p.detach().reshape(-1) for p in net.parameters()])

    def of(vector):
        parts = torch.split(vector, [shape.numel() for shape in shapes])
        return loss(
            lambda x: torch.func.functional_call(
                net, dict(zip(names, map(torch.reshape, parts, shapes), strict=True)), x
            )
        )

    return float(torch.linalg.eigvalsh(torch.autograd.functional.hessian(of, flat))[-1])


if __name__ == "__main__":
    main()
