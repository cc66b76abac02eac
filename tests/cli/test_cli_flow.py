"""``singlearn flow laws`` and ``ledger``; ``timeline`` is in test_flow_timeline.py."""

import json
import runpy
import sys

import pytest

torch = pytest.importorskip("torch")

from singlearn import flow  # noqa: E402
from singlearn.cli.main import main  # noqa: E402

NETWORK = """
import torch

def build():
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))

def inputs():
    return torch.ones(5, 3)
"""


@pytest.fixture
def network(tmp_path):
    file = tmp_path / "net.py"
    file.write_text(NETWORK)
    return file


def test_laws_of_a_users_network(network, capsys):
    assert main(["flow", "laws", f"{network}:build"]) == 0
    printed = capsys.readouterr().out
    assert "|0.weight rows|² + |0.bias rows|² - |2.weight columns|²" in printed
    assert "sum of" not in printed  # any loss; cross-entropy has more
    asked = ["flow", "laws", f"{network}:build", "--inputs", f"{network}:inputs", "--cross-entropy"]
    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["command"] == "flow laws"
    assert [law["formula"] for law in document["laws"]][1:] == [
        "sum of 2.weight along axis 0",
        "sum of 2.bias along axis 0",
    ]
    assert main(["flow", "laws", f"{network}:built"]) == 2
    assert "defines no 'built'" in capsys.readouterr().err


def test_the_file_of_a_ledger_is_printed_and_drawn(network, tmp_path, capsys):
    net = runpy.run_path(str(network))["build"]().double()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    book = flow.ledger(net, optimizer, file=tmp_path / "book.jsonl")
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.ones(5, 3, dtype=torch.float64)).square().mean().backward()
        optimizer.step()
    asked = ["flow", "ledger", str(tmp_path / "book.jsonl"), "--out", str(tmp_path)]
    assert main(asked) == 0
    assert "ledger of SGD, 3 steps" in capsys.readouterr().out
    assert (tmp_path / "book-ledger.png").stat().st_size > 0
    assert main([*asked, "--json"]) == 0
    (account,) = json.loads(capsys.readouterr().out)["accounts"]
    moved = float(abs(book.accounts[0].change).max())
    assert max(
        abs(a - b) for a, b in zip(account["after"], account["before"], strict=True)
    ) == pytest.approx(moved)
    assert main(["flow", "ledger", str(network)]) == 2
    assert "is not the file of a ledger" in capsys.readouterr().err


def test_python_dash_m(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["singlearn", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("singlearn", run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("singlearn ")
