"""Ledgers of real training loops: schedules, scalers, closures, files, rotations.

Right values here are identities: entries add up to the change of the law, the rest is rounding, M⁺
= μM for heavy ball (Noether's theorem for discrete heavy ball, proved in ``flow/noether.py``).
"""

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from singlearn import flow, plot
from singlearn.flow.law import Gram, Law, LinearLaw, gram_law

LARGE = 1e-9
"""Above every rounding of these runs in double precision, below every entry that is there."""


def regression(dtype=torch.float64, middle=nn.ReLU, width=6):
    generator = torch.Generator().manual_seed(0)
    net = nn.Sequential(
        nn.Linear(3, width, dtype=dtype), middle(), nn.Linear(width, 2, dtype=dtype)
    )
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(
                torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.5
            )
    inputs = torch.randn(16, 3, generator=generator, dtype=torch.float64).to(dtype)
    targets = torch.randn(16, 2, generator=generator, dtype=torch.float64).to(dtype)
    return net, lambda: (net(inputs) - targets).square().mean()


def step(optimizer, loss):
    optimizer.zero_grad()
    loss().backward()
    optimizer.step()


def sizes(account):
    return {name: float(value.abs().max()) for name, value in account.entries.items()}


@pytest.mark.parametrize("kind", ["NAdam", "Adamax", "Adagrad"])
def test_other_optimisers_are_what_they_say(kind):
    net, loss = regression()
    optimizer = getattr(torch.optim, kind)(net.parameters(), lr=0.01, weight_decay=0.05)
    book = flow.ledger(net, optimizer)
    for _ in range(4):
        step(optimizer, loss)
    assert not book.cautions
    assert sizes(book.accounts[0])["preconditioner"] > LARGE


def test_an_optimiser_that_cannot_be_read_is_refused_by_name_or_split_without_a_claim():
    net, loss = regression()
    optimizer = torch.optim.Rprop(net.parameters(), lr=0.01)
    with pytest.raises(
        ValueError, match=r"optimizer: got Rprop; its step is not known here.*unread='split'"
    ):
        flow.ledger(net, optimizer)
    book = flow.ledger(net, optimizer, unread="split")
    for _ in range(3):
        step(optimizer, loss)
    account = book.accounts[0]
    torch.testing.assert_close(
        account.entries["discretisation"] + account.entries["preconditioner"], account.change
    )
    assert [words for words in map(str, book.cautions) if "Rprop: its step is not known" in words]


def test_a_false_law_is_seen_under_adam_too():
    net, loss = regression()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)
    wrong = gram_law(
        [Gram("0.weight", 0), Gram("2.weight", 1, -1)], "diagonal", "scaling that forgets the bias"
    )
    book = flow.ledger(net, optimizer, laws=[wrong])
    for _ in range(2):
        step(optimizer, loss)
    assert [words for words in map(str, book.cautions) if "does not have this symmetry" in words]
    assert book.accounts[0].asymmetry > 0.01


def test_linear_laws_have_books_as_well():
    net, _ = regression()
    data, labels = torch.randn(8, 3, dtype=torch.float64), torch.arange(8) % 2
    law = LinearLaw(
        "1ᵀ b", "1^T b", "softmax is blind to a shift", "always", {"2.bias": np.ones((1, 2))}
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    book = flow.ledger(net, optimizer, laws=[law])
    for _ in range(4):
        step(optimizer, lambda: nn.functional.cross_entropy(net(data), labels))
    found = sizes(book.accounts[0])
    assert not book.cautions
    assert found["discretisation"] == 0.0 and found["decay"] > LARGE and found["momentum"] > LARGE


@dataclass(frozen=True)
class Other(Law):
    """A kind of law that the ledger has no formula for, known by its values."""

    power: int

    def values(self, parameters):
        one, two = (np.asarray(parameters[name]) for name in ("0.weight", "2.weight"))
        bias = np.asarray(parameters["0.bias"])
        if self.power == 1:
            return np.asarray(bias.sum() + one.sum())
        return (one**self.power).sum(axis=1) + bias**self.power - (two**self.power).sum(axis=0)

    def differentials(self, parameters):
        raise NotImplementedError


def test_laws_of_other_kinds_are_read_from_their_values():
    net, loss = regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    known = flow.ledger(net, optimizer)
    other = flow.ledger(net, optimizer, laws=[Other("Q", "Q", "scaling", "always", 2)])
    false = flow.ledger(net, optimizer, laws=[Other("sum", "sum", "none", "always", 1)])
    for _ in range(4):
        step(optimizer, loss)
    for name, value in known.accounts[0].entries.items():
        torch.testing.assert_close(other.accounts[0].entries[name], value, atol=1e-13, rtol=1e-9)
    assert not other.cautions
    assert (
        sizes(false.accounts[0])["rest"] < 1e-14
        and "does not have this symmetry" in false.cautions[0].message
    )
    with pytest.raises(
        ValueError, match="Q is a Other; the ledger is for laws that are quadratic or linear"
    ):
        flow.ledger(net, optimizer, laws=[Other("Q", "Q", "none", "always", 3)])


def test_groups_are_read_anew_after_a_state_is_loaded():
    net, loss = regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    book = flow.ledger(net, optimizer)
    step(optimizer, loss)
    optimizer.load_state_dict(optimizer.state_dict())  # replaces every group
    for group in optimizer.param_groups:
        group["lr"] = 0.01
    step(optimizer, loss)
    assert not book.cautions


def test_a_closure_makes_the_gradients_of_its_step():
    net, loss = regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    book = flow.ledger(net, optimizer)

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)
    optimizer.step(closure=closure)
    assert book.steps == 2 and not book.cautions
    assert sizes(book.accounts[0])["discretisation"] > LARGE


def test_a_gradient_scaler_is_unscaled_and_a_step_that_it_leaves_out_is_zero():
    for make in (
        lambda p: torch.optim.SGD(p, lr=0.1),
        lambda p: torch.optim.Adam(p, lr=0.01, fused=True),
    ):
        net, loss = regression(torch.float32)
        optimizer = make(net.parameters())
        book = flow.ledger(net, optimizer)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
        before = None
        for number in range(3):
            optimizer.zero_grad()
            scaler.scale(loss() * (float("inf") if number == 2 else 1.0)).backward()
            scaler.step(optimizer)
            scaler.update()
            if number == 1:
                before = book.accounts[0].entries
        account = book.accounts[0]
        assert [
            words for words in map(str, book.cautions) if "left the step out" not in words
        ] == []
        for name, value in account.entries.items():
            torch.testing.assert_close(value, before[name])
        assert sizes(account)["discretisation"] > 1e-6


def test_autocast_rounds_gradients_and_is_no_violation():
    net, loss = regression(torch.float32)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    book = flow.ledger(net, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            value = loss()
        value.backward()
        optimizer.step()
    account = book.accounts[0]
    assert sizes(account)["violation"] > account.rounding  # more than float32 could explain
    assert not book.cautions


def test_a_parameter_without_gradient_stands_still_and_is_named():
    net, loss = regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=0.1)
    book = flow.ledger(net, optimizer)
    optimizer.zero_grad()
    loss().backward()
    net[2].weight.grad = None
    optimizer.step()
    assert [
        words
        for words in (caution.message for caution in book.cautions)
        if words.startswith("2.weight had no gradient and did not move at 1 of 1")
    ]
    assert sizes(book.accounts[0])["rest"] < 1e-14


def test_weights_that_change_between_steps_and_training_that_diverges():
    net, loss = regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    book = flow.ledger(net, optimizer)
    step(optimizer, loss)
    with torch.no_grad():
        net[0].weight.mul_(1.5)
    step(optimizer, loss)
    assert [words for words in map(str, book.cautions) if "changed outside the optimiser" in words]
    assert float(book.accounts[0].unrecorded.abs().max()) > 0.1
    with torch.no_grad():
        net[0].weight.fill_(float("nan"))
    step(optimizer, loss)
    assert [
        words
        for words in (caution.message for caution in book.cautions)
        if words.startswith("step 3: weights or gradients are not finite")
    ]
    assert np.isfinite(sizes(book.accounts[0])["rest"])


def test_single_precision_says_where_it_measures_rounding():
    net, loss = regression(torch.float32)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-5)
    book = flow.ledger(net, optimizer)
    for _ in range(3):
        step(optimizer, loss)
    account = book.accounts[0]
    assert account.drowned and "rounding exceeds" in str(account)
    assert "* rounding" in str(book) and book.rows()[0]["below rounding"]


def test_a_file_is_continued_from_any_checkpoint_and_a_torn_line_is_dropped(tmp_path):
    path = tmp_path / "book.jsonl"
    net, loss = regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    whole = flow.ledger(net, optimizer)
    book = flow.ledger(net, optimizer, file=path)
    saved = None
    for number in range(6):
        step(optimizer, loss)
        if number == 3:
            saved = (
                {name: value.clone() for name, value in net.state_dict().items()},
                json.dumps(optimizer.state_dict()["param_groups"]),
            )
            memory = {
                k: v["momentum_buffer"].clone() for k, v in optimizer.state_dict()["state"].items()
            }
    book.close()
    with path.open("a") as out:
        out.write('{"step": 7, "half')
    other, again = regression()
    other.load_state_dict(saved[0])
    second = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.9)
    second.load_state_dict(
        {
            "state": {k: {"momentum_buffer": v} for k, v in memory.items()},
            "param_groups": json.loads(saved[1]),
        }
    )
    with pytest.raises(ValueError, match="already exists"):
        flow.ledger(other, second, file=path)
    with pytest.raises(ValueError, match="it belongs to another run"):
        flow.ledger(other, second, file=path, every=2, resume=True)
    continued = flow.ledger(other, second, file=path, resume=True)
    assert continued.steps == 4
    for _ in range(2):
        step(second, again)
    assert not continued.cautions
    stored = flow.read_ledger(path)
    for name, value in whole.accounts[0].entries.items():
        torch.testing.assert_close(continued.accounts[0].entries[name], value)
        np.testing.assert_allclose(stored.accounts[0].entries[name], value.numpy(), atol=1e-14)
    assert stored.rows()[0]["moved"] == pytest.approx(whole.rows()[0]["moved"])
    assert len(plot.ledger(stored).axes) == 1
    with torch.no_grad():
        other[0].weight.mul_(2.0)
    with pytest.raises(ValueError, match="left the laws as this model has them"):
        flow.ledger(other, second, file=path, resume=True)


@pytest.mark.parametrize(
    ("settings", "kept"), [({}, True), ({"nesterov": True}, False), ({"weight_decay": 0.3}, True)]
)
def test_angular_momentum_of_heavy_ball_shrinks_by_momentum(settings, kept):
    net, loss = regression(middle=nn.Identity, width=3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.8, **settings)
    generator = torch.Generator().manual_seed(1)
    for parameter in net.parameters():  # a push, so that there is angular momentum to lose
        optimizer.state[parameter]["momentum_buffer"] = torch.randn(
            parameter.shape, generator=generator, dtype=torch.float64
        )
    book = flow.ledger(net, optimizer)
    for _ in range(10):
        step(optimizer, loss)
    (turned,) = book.angular_momenta
    assert turned.kept == kept and not book.cautions
    assert float(turned.before.abs().max()) > 0.1
    gap = float((turned.after - 0.8**10 * turned.before).abs().max())
    assert (gap < 1e-14) if kept else (gap > 1e-4)
    torch.testing.assert_close(turned.predicted, 0.8**10 * turned.before)


def test_angular_momenta_of_heads_shrink_by_momentum():
    """Queries with keys and values with outputs, of each of two heads."""
    torch.manual_seed(0)
    heads = nn.MultiheadAttention(4, 2, bias=False, batch_first=True, dtype=torch.float64)
    x, y = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    optimizer = torch.optim.SGD(heads.parameters(), lr=0.05, momentum=0.8)
    for parameter in heads.parameters():
        optimizer.state[parameter]["momentum_buffer"] = torch.randn_like(parameter)
    book = flow.ledger(heads, optimizer)
    for _ in range(10):
        step(optimizer, lambda: (heads(x, x, x)[0] - y).square().mean())
    assert len(book.angular_momenta) == 4 and not book.cautions
    for turned in book.angular_momenta:
        assert float(turned.before.abs().max()) > 0.1
        torch.testing.assert_close(turned.after, 0.8**10 * turned.before, atol=1e-14, rtol=0.0)


def test_from_rest_angular_momentum_stays_zero_for_heavy_ball_and_not_for_adam():
    for make, exact in (
        (lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9), True),
        (lambda p: torch.optim.Adam(p, lr=0.01), False),
    ):
        net, loss = regression(middle=nn.Identity, width=3)
        optimizer = make(net.parameters())
        book = flow.ledger(net, optimizer)
        for _ in range(5):
            step(optimizer, loss)
        (turned,) = book.angular_momenta
        assert turned.exact == turned.kept == exact
        assert (float(turned.after.abs().max()) < 1e-15) == exact
        assert ("M⁺ = μM" in str(turned)) == exact


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"optimizer": "adam"}, "optimizer: got str"),
        ({"every": 0}, "every: got 0"),
        ({"unread": "guess"}, "unread: got 'guess'"),
        ({"laws": []}, "laws: there are none"),
        ({"laws": [3]}, "laws: got int"),
        ({"laws": [gram_law([Gram("9.weight", 0)], "trace", "none")]}, "they name 9.weight"),
    ],
)
def test_what_is_no_ledger_is_refused_by_name(arguments, words):
    net, _ = regression()
    given = {"model": net, "optimizer": torch.optim.SGD(net.parameters(), lr=0.1), **arguments}
    with pytest.raises(ValueError, match=words):
        flow.ledger(**given)


def test_an_optimiser_that_does_not_move_all_weights_of_a_law():
    net, _ = regression()
    with pytest.raises(ValueError, match=r"optimizer: it does not have 2\.weight"):
        flow.ledger(net, torch.optim.SGD(net[0].parameters(), lr=0.1))


@pytest.mark.parametrize(
    ("net", "shape", "formula", "kind"),
    [
        (  # the bias of the keys never moves: softmax over keys
            nn.TransformerEncoderLayer(
                4, 1, 3, 0.0, batch_first=True, norm_first=True, dtype=torch.float64
            ),
            (5, 3, 4),
            "self_attn.in_proj_bias[4:8]",
            "SumLaw",
        ),
        (  # products of kernels of equal length commute
            nn.Sequential(
                nn.Conv1d(1, 2, 2, bias=False, dtype=torch.float64),
                nn.Conv1d(2, 1, 2, bias=False, dtype=torch.float64),
            ),
            (5, 1, 6),
            "0.weight_c·1.weight_d - 0.weight_d·1.weight_c",
            "BilinearLaw",
        ),
    ],
)
def test_every_law_that_is_read_off_a_module_has_books(net, shape, formula, kind):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    book = flow.ledger(net, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        (net(x) - 1.0).square().mean().backward()
        optimizer.step()
    (account,) = [
        own
        for own in book.accounts
        if own.law.formula == formula and type(own.law).__name__ == kind
    ]
    assert float(account.entries["rest"].abs().max()) <= account.rounding
    assert float(account.entries["violation"].abs().max()) <= account.rounding
    moved = float((account.after - account.before).abs().max())
    assert moved <= account.rounding if kind == "SumLaw" else moved > 1e-8
    assert not book.cautions
