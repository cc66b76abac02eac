"""The ledger of an optimiser against 60-digit arithmetic, and what it says of optimisers that are
not what they say.

``truth/ledgers.json`` was made by other code, in 60-digit arithmetic, from the update rules as
PyTorch documents them.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from singlearn import flow
from singlearn.flow.law import Gram, RowSpaceLaw, gram_law

CASES = json.loads((Path(__file__).parents[1] / "truth" / "ledgers.json").read_text())["cases"]
SUMS = ("discretisation", "decay", "momentum", "preconditioner")


class Square(nn.Module):
    def forward(self, x):
        return x * x


ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky": lambda: nn.LeakyReLU(0.1),
    "linear": nn.Identity,
    "square": Square,
}


def numbers(nested):
    return torch.tensor(np.array(nested, dtype=object).astype(float))


def network(case):
    layers, depth = [], len(case["widths"]) - 1
    for i in range(depth):
        linear = nn.Linear(
            case["widths"][i], case["widths"][i + 1], bias=case["bias"], dtype=torch.float64
        )
        linear.weight.data = numbers(case["weights"][i])
        if case["bias"]:
            linear.bias.data = numbers(case["weights"][depth + i])[:, 0]
        layers += [linear, ACTIVATIONS[case["activation"]]()] if i < depth - 1 else [linear]
    return nn.Sequential(*layers)


def optimiser(parameters, settings):
    of = {
        name: float(value)
        for name, value in settings.items()
        if name not in ("name", "kind", "nesterov")
    }
    if settings.get("kind") == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=of["lr"], alpha=of.get("b2", 0.99), eps=1e-8)
    if settings.get("kind") == "adam":
        if "wd_decoupled" in of:
            return torch.optim.AdamW(parameters, lr=of["lr"], weight_decay=of["wd_decoupled"])
        return torch.optim.Adam(parameters, lr=of["lr"])
    return torch.optim.SGD(
        parameters,
        lr=of["lr"],
        momentum=of.get("mu", 0.0),
        nesterov=settings.get("nesterov", False),
        weight_decay=of.get("wd", 0.0),
    )


def train(net, optimizer, case):
    inputs, targets = numbers(case["inputs"]).T, numbers(case["targets"]).T
    settings = case["optimiser"]
    for step in range(case["steps"]):
        if "decay" in settings:
            for group in optimizer.param_groups:
                group["lr"] = float(settings["lr"]) * float(settings["decay"]) ** step
        batch = (
            case["batches"][step % len(case["batches"])] if case["batches"] else range(len(inputs))
        )
        optimizer.zero_grad()
        (
            0.5 * (net(inputs[list(batch)]) - targets[list(batch)]).square().sum(dim=1).mean()
        ).backward()
        if "clip" in settings:
            torch.nn.utils.clip_grad_norm_(net.parameters(), float(settings["clip"]))
        optimizer.step()


# PyTorch has no decoupled decay for SGD; the square network comes with it, and is trained without
# below.
@pytest.mark.parametrize(
    "case", [c for c in CASES if c["activation"] != "square"], ids=lambda case: case["name"]
)
def test_every_entry_is_that_of_sixty_digits(case):
    net = network(case)
    optimizer = optimiser(net.parameters(), case["optimiser"])
    book = flow.ledger(net, optimizer)
    train(net, optimizer, case)
    assert book.steps == case["steps"]
    assert not book.cautions
    last = str(case["steps"])
    for k, account in enumerate(book.accounts):
        scale = max(1.0, float(account.before.abs().max()))
        for name in SUMS:
            assert (
                float((account.entries[name] - numbers(case["ledger_sums"][name][k])).abs().max())
                < 1e-12 * scale
            )
        assert float((account.after - numbers(case["Q"][last][k])).abs().max()) < 1e-12 * scale
        assert float(account.entries["rest"].abs().max()) < 1e-12 * scale
        assert float(account.entries["violation"].abs().max()) < 1e-12 * scale


def test_the_law_of_a_degree_is_given_by_hand_and_a_wrong_one_violates():
    case = next(c for c in CASES if c["activation"] == "square")
    for degree, right in ((2, True), (1, False)):
        net = network(case)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
        law = gram_law(
            [Gram("0.weight", 0), Gram("2.weight", 1, -degree)],
            "diagonal",
            f"scaling (a, a^-{degree})",
        )
        book = flow.ledger(net, optimizer, laws=flow.Laws((law,), ()))
        train(net, optimizer, case)
        assert (not book.cautions) == right
        if not right:
            assert (
                "violation" in book.cautions[0].message
                and "does not have this symmetry" in book.cautions[0].message
            )


def regression(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8, dtype=dtype), nn.ReLU(), nn.Linear(8, 2, dtype=dtype))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(
                torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.5
            )
    inputs = torch.randn(32, 3, generator=generator, dtype=torch.float64).to(dtype)
    targets = torch.randn(32, 2, generator=generator, dtype=torch.float64).to(dtype)

    def step(optimizer):
        optimizer.zero_grad()
        (net(inputs) - targets).square().mean().backward()
        optimizer.step()

    return net, step


class Nudged(torch.optim.SGD):
    """Says it is SGD, and shrinks the weights as well."""

    def step(self, closure=None):
        super().step(closure)
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.mul_(0.999)


def test_an_optimiser_that_is_not_what_it_says():
    net, _ = regression()
    with pytest.raises(ValueError, match=r"optimizer: got Nudged; its step is not known here"):
        flow.ledger(net, Nudged(net.parameters(), lr=0.1))
    net, step = regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    # Registered before the ledger, so that it acts within the step.
    optimizer.register_step_post_hook(
        lambda *_: [p.data.mul_(0.999) for p in net.parameters()] and None
    )
    book = flow.ledger(net, optimizer)
    step(optimizer)
    assert any(
        "rest" in words and "something else than it says" in words
        for words in map(str, book.cautions)
    )


def by_layer(parameters):
    for parameter in parameters:
        nn.utils.clip_grad_norm_([parameter], 0.01)


def test_clipping_of_entries_and_layers_is_named_and_clipping_the_norm_is_plain_descent():
    for clip, clean in (
        (lambda p: nn.utils.clip_grad_norm_(p, 0.01), True),
        (lambda p: nn.utils.clip_grad_value_(p, 0.01), False),
        (by_layer, False),
    ):
        net, step = regression()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        optimizer.register_step_pre_hook(
            lambda *_, clip=clip, net=net: (clip(net.parameters()), None)[1]
        )
        book = flow.ledger(net, optimizer)
        for _ in range(5):
            step(optimizer)
        assert (not book.cautions) == clean
        (account,) = book.accounts
        assert (
            float(account.entries["violation"].abs().max()) < account.gradient_rounding
        )  # the network does have the symmetry
        assert (float(account.entries["preconditioner"].abs().max()) > 1e-4) != clean
        if not clean:
            assert "changed after backward" in book.cautions[0].message


def test_the_violation_of_entries_that_were_clipped_is_that_of_the_raw_gradient_in_its_share():
    """A law that the network does not have, |W1|² by rows: -2η s⟨w, raw⟩, s the share of the raw
    gradient in the clipped one."""
    net, step = regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    name, weight = next(iter(net.named_parameters()))
    seen = {}

    def clip(*_):
        seen["raw"] = {n: p.grad.clone() for n, p in net.named_parameters()}
        nn.utils.clip_grad_value_(net.parameters(), 0.01)
        seen["clipped"] = {n: p.grad.clone() for n, p in net.named_parameters()}

    optimizer.register_step_pre_hook(clip)
    book = flow.ledger(net, optimizer, laws=[gram_law([Gram(name, 0)], "diagonal", "none")])
    before = weight.detach().clone()
    step(optimizer)
    raw, clipped = seen["raw"], seen["clipped"]
    followed = [name]  # the ledger reads the parameters of its laws
    share = sum(float((raw[n] * clipped[n]).sum()) for n in followed)
    share /= sum(float((raw[n] ** 2).sum()) for n in followed)
    assert share < 0.9
    (account,) = book.accounts
    expected = -2 * 0.1 * share * (before * raw[name]).sum(1)
    torch.testing.assert_close(account.entries["violation"], expected)
    rest = -2 * 0.1 * (before * clipped[name]).sum(1) - expected
    torch.testing.assert_close(account.entries["preconditioner"], rest)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.01),
        lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1, amsgrad=True),
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
        lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True),
        lambda p: torch.optim.SGD([{"params": p[:2], "lr": 0.1}, {"params": p[2:], "lr": 0.03}]),
    ],
    ids=["damped", "amsgrad", "adamw", "centred", "groups"],
)
def test_single_precision_leaves_no_more_than_rounding(make):
    net, step = regression(torch.float32)
    optimizer = make(list(net.parameters()))
    book = flow.ledger(net, optimizer)
    for _ in range(10):
        step(optimizer)
    assert not book.cautions
    (account,) = book.accounts
    assert float((account.after - account.before).abs().max()) > 20 * account.rounding


def test_lines_on_disk_and_every_third_step(tmp_path):
    net, step = regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    book = flow.ledger(net, optimizer, every=3, file=tmp_path / "book.jsonl")
    for _ in range(7):
        step(optimizer)
    book.close()
    step(optimizer)
    head, *lines = [json.loads(line) for line in (tmp_path / "book.jsonl").read_text().splitlines()]
    assert head["laws"] == [book.accounts[0].law.formula]
    assert [line["step"] for line in lines] == [1, 4, 7]
    assert book.steps == 7
    formula = book.accounts[0].law.formula
    total = np.sum([line[formula]["discretisation"] for line in lines], axis=0)
    np.testing.assert_allclose(total, book.accounts[0].entries["discretisation"])


def test_a_law_of_another_form_is_refused_by_name():
    net, _ = regression()
    rational = RowSpaceLaw("row space of U", "", "O(3)", "always", "2.weight")
    with pytest.raises(ValueError, match=r"laws: row space of U is a RowSpaceLaw"):
        flow.ledger(net, torch.optim.SGD(net.parameters(), lr=0.1), laws=flow.Laws((rational,), ()))
