"""flow.count of PyTorch modules: the numbers of the descriptions they are, or a refusal by name."""

import pytest
import torch
from torch import nn

from singlearn import flow


@pytest.mark.parametrize(
    ("net", "number"),
    [
        (nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), 3),  # one for each hidden node
        (
            nn.Sequential(
                nn.Sequential(nn.Linear(2, 3), nn.LeakyReLU()),
                nn.Linear(3, 2),
                nn.LeakyReLU(),
                nn.Linear(2, 1),
            ),
            5,
        ),
        (
            nn.Sequential(nn.Linear(2, 7, bias=False), nn.Identity(), nn.Linear(7, 2, bias=False)),
            22,
        ),  # 28 by r (r + 1)/2
        (
            nn.Sequential(
                nn.Linear(1, 2, bias=False),
                nn.Linear(2, 2, bias=False),
                nn.Linear(2, 1, bias=False),
            ),
            7,
        ),
    ],
)
def test_chains_count_as_their_descriptions(net, number):
    found = flow.count(net)
    assert (found.number, found.proved) == (number, True)
    assert found.dimension == sum(p.numel() for p in net.parameters())


def test_data_have_more_laws_than_the_architecture():
    """The example of docs/what-training-conserves.md: a dead node, and two whose gates agree."""
    net = nn.Sequential(nn.Linear(1, 3, bias=False), nn.ReLU(), nn.Linear(3, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[-1.0], [1.0], [2.0]]))
        net[2].weight.copy_(torch.tensor([[1.0, 0.5, -0.25]]))
    assert flow.count(net).number == 3
    assert flow.count(net, inputs=torch.tensor([[1.0], [2.0]])).number == 5


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), "1 is a Tanh"),
        (
            nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.Linear(3, 1)),
            "linear and relu between",
        ),
        (
            nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1, bias=False)),
            "some of its layers have biases",
        ),
        (
            nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1), nn.ReLU()),
            "behind its last layer",
        ),
        (
            nn.Sequential(nn.Linear(2, 3).requires_grad_(False), nn.Linear(3, 1)),
            "0.weight is frozen",
        ),
        (nn.Sequential(*[nn.Linear(2, 2)] * 2), "1.weight is shared|2 Linear|1 Linear"),
        (
            nn.Sequential(nn.Linear(2, 3, dtype=torch.cfloat), nn.Linear(3, 1, dtype=torch.cfloat)),
            "0.weight is complex",
        ),
        (nn.LSTM(2, 3), "is a LSTM"),
    ],
)
def test_others_are_refused_by_name(net, words):
    with pytest.raises(ValueError, match=words):
        flow.count(net)
