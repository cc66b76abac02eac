"""Data as PyTorch means them: samplers, data sets, lists and dicts, taken as meant or refused by
name.

Every case is what users brought or a relative of it. The right number of samples is that of the
sampler; the right loss at w* is computed by hand from the rows it names; the closed form of a
linear regression has the curvature Xᵀ X/n.
"""

from __future__ import annotations

import collections
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

from singlearn.local.torch.data import as_tensors
from singlearn.local.torch.loss import model_form
from singlearn.local.torch.target import TorchTarget

torch.set_num_threads(1)
N = 200
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(N, 3, generator=GENERATOR)
Y = X.sum(1, keepdim=True) + torch.randn(N, 1, generator=GENERATOR)
ALL = TensorDataset(X, Y)


def half(output, target):
    return 0.5 * ((output - target) ** 2).sum(-1)


def whole(model, batch):
    return half(model(batch["x"]), batch["y"])


@pytest.fixture(scope="module")
def model():
    linear = nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.linalg.lstsq(X, Y).solution.T)
    return linear


class Numbered(Sampler):
    """A sampler of the caller's own: the first rows, or random ones."""

    def __init__(self, rows, shuffled):
        self.rows, self.shuffled = rows, shuffled

    def __iter__(self):
        return iter(torch.randperm(N)[: self.rows].tolist() if self.shuffled else range(self.rows))

    def __len__(self):
        return self.rows


class Endless(Sampler):
    def __iter__(self):
        while True:
            yield 1


class Stream(IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


class Rows(Dataset):
    """A data set of N rows by a function."""

    def __init__(self, row):
        self.row = row

    def __len__(self):
        return N

    def __getitem__(self, i):
        return self.row(i)


Pair = collections.namedtuple("Pair", "x y")


def of_pair(model, batch):
    return half(model(batch.x), batch.y)


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (DataLoader(ALL, batch_size=32, sampler=SubsetRandomSampler(range(60))), range(60)),
        (
            DataLoader(ALL, batch_sampler=BatchSampler(SubsetRandomSampler(range(60)), 20, False)),
            range(60),
        ),
        (DataLoader(ALL, batch_sampler=[[0, 1, 2], [5, 6]]), [0, 1, 2, 5, 6]),
        (DataLoader(ALL, sampler=list(range(0, N, 2))), range(0, N, 2)),
        (DataLoader(ALL, sampler=Numbered(77, False)), range(77)),
        (DataLoader(ALL, sampler=Numbered(N, True)), range(N)),
        (DataLoader(ALL, sampler=RandomSampler(range(50))), range(50)),
        (DataLoader(ALL, sampler=RandomSampler(ALL, replacement=True)), range(N)),
        (DataLoader(ALL, sampler=DistributedSampler(ALL, num_replicas=1, rank=0)), range(N)),
        (DataLoader(ALL, batch_size=64, drop_last=True), range(192)),
        (DataLoader(ALL, batch_size=64, drop_last=True, shuffle=True), range(N)),
        (DataLoader(ALL, batch_size=7, collate_fn=lambda rows: default_collate(rows)), range(N)),
        (DataLoader(Subset(ALL, range(30)), batch_size=7), range(30)),
        (ConcatDataset([Subset(ALL, range(10)), Subset(ALL, range(40))]), [*range(10), *range(40)]),
        (list(zip(X, Y, strict=True)), range(N)),
        (tuple(zip(X, Y, strict=True)), range(N)),
        ([(a.tolist(), b.tolist()) for a, b in zip(X, Y, strict=True)], range(N)),
        ([X, Y], range(N)),
        ((X.numpy().astype("float64"), Y.numpy().astype(">f8")), range(N)),
        ((X.numpy()[::-1], Y.numpy()[::-1]), range(N)),
        ((X.double().requires_grad_(), Y.double()), range(N)),
    ],
)
def test_rows_that_a_pass_draws_are_the_samples(model, data, rows) -> None:
    """n is what the sampler draws in one pass, with its repetitions; the loss at w* is the mean
    over these rows.
    """
    index = torch.as_tensor(list(rows))
    target = TorchTarget(model, half, data)
    assert target.samples == len(index)
    assert target.centre_loss == pytest.approx(
        float(half(model(X[index]), Y[index]).detach().mean()), rel=1e-5
    )
    np.testing.assert_allclose(
        target.curvature(np.eye(3), None),
        (X[index].T @ X[index] / len(index)).numpy(),
        rtol=1e-4,
        atol=1e-5,
    )


def test_dicts_and_named_tuples_reach_a_loss_of_the_model_as_they_are(model) -> None:
    """A batch looks as the data set has it: a dict, a named tuple, or one tensor."""
    expected = TorchTarget(model, half, (X, Y)).centre_loss
    rows = [{"x": a, "y": b} for a, b in zip(X, Y, strict=True)]
    for loss, data in (
        (whole, rows),
        (of_pair, Pair(X, Y)),
        (of_pair, DataLoader(Rows(lambda i: Pair(X[i], Y[i])), batch_size=9)),
    ):
        assert TorchTarget(model, loss, data).centre_loss == pytest.approx(expected, rel=1e-6)

    def alone(model, batch):
        return model(batch).square().sum(-1)

    assert TorchTarget(model, alone, X).centre_loss == pytest.approx(
        float(model(X).detach().square().mean()), rel=1e-6
    )


def test_weights_of_samples_weigh_the_loss(model) -> None:
    """loss(output, target, weight): mean of weight × loss, with the curvature Xᵀ diag(weight)
    X/n.
    """
    weight = torch.rand(N, 1, generator=torch.Generator().manual_seed(1))

    def weighed(output, target, weight):
        return (0.5 * weight * (output - target) ** 2).sum(-1)

    target = TorchTarget(model, weighed, (X, Y, weight))
    np.testing.assert_allclose(
        target.curvature(np.eye(3), None), (X.T @ (weight * X) / N).numpy(), rtol=1e-4, atol=1e-5
    )


def pad(rows):
    return nn.utils.rnn.pad_sequence([a for a, _ in rows], batch_first=True), torch.stack(
        [b for _, b in rows]
    )


def mixed(rows):
    x, y = default_collate(rows)
    other = torch.randperm(len(x))
    return 0.5 * (x + x[other]), y


RAGGED = Rows(lambda i: (torch.ones(2 + i % 3), Y[i]))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            DataLoader(ALL, sampler=WeightedRandomSampler(torch.ones(N), 60)),
            r"sampler WeightedRandomSampler weighs.*\(x, y, weight\)",
        ),
        (
            DataLoader(ALL, sampler=RandomSampler(ALL, replacement=True, num_samples=50)),
            "RandomSampler draws 50 of 200 samples, others at",
        ),
        (
            DataLoader(ALL, sampler=DistributedSampler(ALL, num_replicas=4, rank=1)),
            "DistributedSampler gives this process one of 4 parts",
        ),
        (
            DataLoader(ALL, sampler=Numbered(77, True)),
            "sampler Numbered draws other samples at every pass",
        ),
        (DataLoader(ALL, sampler=Endless()), "sampler Endless draws more than 3200 of 200"),
        (
            DataLoader(ALL, sampler=(i for i in range(9))),
            "sampler generator can be asked only once",
        ),
        (DataLoader(ALL, batch_size=None), "batch_size=None"),
        (
            DataLoader(ALL, batch_size=500, drop_last=True),
            "draws nothing: 200 samples are less than one batch of 500",
        ),
        (
            DataLoader(Stream(), batch_size=8),
            r"data: got a DataLoader of Stream, which has no length.*list\(data\)",
        ),
        (Stream(), "data: got Stream, which has no length"),
        (Rows(lambda i: (X[i] + torch.randn(3), Y[i])), "gives another sample 0 each time"),
        (
            Rows(lambda i: ((X[i].numpy() + np.random.randn(3)).astype("f4"), Y[i])),  # noqa: NPY002
            "gives another sample 0 each time",
        ),
        (Rows(lambda i: (X[i] + random.random(), Y[i])), "gives another sample 0 each time"),
        (Rows(lambda i: 1 / 0), "data: the data set Rows gave no sample"),
        (
            RAGGED,
            r"samples differ in shape, \[\(2,\), \(1,\)\] at sample 0 and \[\(3,\), \(1,\)\] at "
            r"sample 1; pad",
        ),
        (
            DataLoader(ALL, batch_size=4, collate_fn=mixed),
            "collate_fn makes something else of sample 0 when it is alone",
        ),
        ({"x": X, "y": Y}, r"data: they are a dict of x, y.*write loss\(model, batch\)"),
        (
            TensorDataset(X, Y, torch.ones(N)),
            r"data: they have 3 parts.*loss\(output, target, weight\)",
        ),
        (((X, X), Y), "data: part 0 has parts itself"),
        (({"a": X}, Y), "data: part 0 has parts itself"),
        (list(X), "data: a list of 200 arrays is read as so many parts"),
        ((X, ["a"] * N), "data: part 1 has text"),
        ((X, [[1.0] * (1 + i % 2) for i in range(N)]), "data: the rows of part 1 differ in shape"),
        ((X, np.array([None] * N)), "data: part 1 has object entries"),
        ((np.ma.masked_array(X.numpy(), X.numpy() > 1), Y), "data: part 0 is a masked array"),
        ((X.to_sparse(), Y), "data: part 0 is a torch.sparse_coo tensor"),
        ((X, torch.tensor(1.0)), "data: part 1 is a single number"),
        ((), "data: got no parts"),
        (
            (1e-3 * X.double() + 1e6, Y),
            r"data: part 0 is torch.float64, and in the torch.float32.*loses",
        ),
        (
            ((3 * X).long(), Y),
            r"model: called with the first samples.*it got \(int64 \(4, 3\)\); if part 0 of the "
            r"data should be floating",
        ),
        ((X[:, :2], Y), r"model: called with the first samples.*it got \(float32 \(4, 2\)\)"),
    ],
)
def test_what_is_no_fixed_set_of_samples_is_refused_by_name(model, data, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        TorchTarget(model, half, data)


class OfTokens(nn.Module):
    """A mean over a sequence, over what is padded too or not."""

    def __init__(self, mask):
        super().__init__()
        self.weight, self.mask = nn.Parameter(torch.ones(1)), mask

    def forward(self, x):
        kept = (x != 0).float() if self.mask else torch.ones_like(x)
        return ((self.weight * x + 1) * kept).sum(1, keepdim=True) / kept.sum(1, keepdim=True)


def test_padding_counts_only_where_it_changes_the_loss() -> None:
    """A model that leaves padding out has the loss of each sequence alone; one that does not is
    refused.
    """
    loader = DataLoader(RAGGED, batch_size=5, collate_fn=pad)
    assert TorchTarget(OfTokens(True), half, loader).centre_loss == pytest.approx(
        float(half(2.0, Y).mean()), rel=1e-5
    )
    with pytest.raises(
        ValueError,
        match=r"data: the collate_fn gives sample 0 another shape.*loss is .* alone and .* among "
        r"all",
    ):
        TorchTarget(OfTokens(False), half, loader)


def test_nothing_of_the_callers_is_written_to_or_drawn_from(model) -> None:
    """In-place layers and losses write to copies, and the global random numbers go on as if nothing
    had been drawn.
    """

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = model

        def forward(self, x):
            x.mul_(1.5)
            return self.linear(x)

    def clamped(output, target):
        return half(output, target.clamp_(max=1.0))

    x, y, states = (
        X.clone(),
        Y.clone(),
        (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()),  # noqa: NPY002
    )
    target = TorchTarget(Scaled(), clamped, DataLoader(TensorDataset(x, y), shuffle=True))
    assert torch.equal(x, X) and torch.equal(y, Y)
    assert torch.equal(states[0], torch.get_rng_state()) and states[2] == random.getstate()
    assert states[1] == np.random.get_state()[1].tolist()  # noqa: NPY002
    # Each evaluation scales the data once, and not what the one before left.
    for _ in range(2):
        assert target.full(np.zeros((2, 3)))[0] == pytest.approx([0.0, 0.0])
    np.testing.assert_allclose(
        target.curvature(np.eye(3), None), 2.25 * (X.T @ X / N).numpy(), rtol=1e-4, atol=1e-5
    )
    assert TorchTarget(
        nn.Sequential(nn.ReLU(inplace=True), model), half, (x, y)
    ).centre_loss > 0 and torch.equal(x, X)
    with torch.inference_mode():
        inference = 1 * X
    assert (
        TorchTarget(model, half, (inference, y)).centre_loss
        == TorchTarget(model, half, (x, y)).centre_loss
    )


def test_hugging_face_sets_and_what_in_them_is_refused(model) -> None:
    datasets = pytest.importorskip("datasets")
    own = datasets.Dataset.from_dict({"x": X.tolist(), "y": Y.tolist()})
    assert TorchTarget(model, whole, own).centre_loss == pytest.approx(
        TorchTarget(model, half, (X, Y)).centre_loss, rel=1e-5
    )
    ragged = datasets.Dataset.from_dict(
        {"x": [[1.0] * (1 + i % 2) for i in range(9)], "y": [1.0] * 9}
    )
    for data, sentence in (
        (datasets.DatasetDict(train=own), "got a DatasetDict of train; give one of them"),
        (own.to_iterable_dataset(), "has no length"),
        (own.add_column("text", ["a"] * N), "part 'text' has text"),
        (ragged, "rows of column 'x' differ in shape"),
    ):
        with pytest.raises(ValueError, match=sentence):
            as_tensors(data, torch.device("cpu"))


def test_the_form_of_a_loss_is_said_by_its_first_argument(model) -> None:
    """model, net, network, module, or annotated as a module; nothing else is guessed, and the
    refusal says so.
    """

    def annotated(m: nn.Module, batch):
        return whole(m, batch)

    assert (
        model_form(lambda net, batch: 0)
        and model_form(annotated)
        and not model_form(lambda m, b: 0)
    )
    assert not model_form(nn.CrossEntropyLoss(reduction="none"))
    for loss in (
        annotated,
        lambda net, batch: whole(net, batch),
        lambda network, batch: whole(network, batch),
    ):
        assert TorchTarget(model, loss, {"x": X, "y": Y}).samples == N
    for loss, data in (
        (lambda m, b: whole(m, b), {"x": X, "y": Y}),
        (lambda output, target: output.foo, (X, Y)),
    ):
        with pytest.raises(
            ValueError,
            match=r"loss\(model, batch\) if its first argument is called model, net, network or "
            r"module",
        ):
            TorchTarget(model, loss, data)
    assert TorchTarget(model, lambda *arguments: half(*arguments), (X, Y)).samples == N
    assert TorchTarget(model, lambda output: output.square().sum(-1), (X,)).samples == N
