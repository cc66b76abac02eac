"""``singlearn llc``: checkpoints of every kind in, the verdict out, and one sentence for what
cannot be done.
"""

from __future__ import annotations

import errno
import json
import math
import re

import pytest
import safetensors.torch
import torch

import singlearn as sl
from singlearn.cli import figure_file, main
from singlearn.local.torch.weights import read_state, with_weights
from singlearn.local.training.fingerprint import digest

torch.set_num_threads(1)

NET = """
import torch

def build():
    return torch.nn.Linear(2, 3, bias=False)

def data():
    x = torch.randn(80, 2, generator=torch.Generator().manual_seed(0))
    return x, (x @ torch.tensor([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])).argmax(1)

def numbers():
    x, y = data()
    return x, y.float()

def probable():
    return torch.nn.Sequential(torch.nn.Linear(2, 3, bias=False), torch.nn.Softmax(1))

def floorless(output, target):
    return -(output ** 2).sum(-1)

def broken(output, target):
    return output + undefined
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(NET)
    weight = torch.tensor([[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]])
    torch.save({"weight": weight}, tmp_path / "net.pt")
    return tmp_path


def run(folder, *arguments, checkpoint="net.pt", model="build", data="data"):
    common = [
        "--model",
        f"{folder}/net.py:{model}",
        "--data",
        f"{folder}/net.py:{data}",
        "--out",
        str(folder / "out"),
    ]
    return main(
        [
            "llc",
            str(folder / checkpoint),
            *common,
            "--chains",
            "4",
            "--max-steps",
            "1000",
            *arguments,
        ]
    )


def test_llc_of_a_checkpoint_is_the_library_s(net, capsys) -> None:
    assert run(net, "--json", "--gamma", "5", "--only", "wei*", "--seed", "3") == 0
    document = json.loads(capsys.readouterr().out)
    names: dict = {}
    exec(NET, names)
    module = with_weights(names["build"](), torch.load(net / "net.pt"), "net.pt")

    def loss(output, target):
        return torch.nn.functional.cross_entropy(output, target, reduction="none")

    found = sl.local.llc(module, loss, names["data"](), gamma=5, chains=4, max_steps=1000, seed=3)
    assert document["learning_coefficient"] == found.value and document["status"] == str(
        found.status
    )
    assert (
        document["loss_function"] == "cross entropy of class labels"
        and document["half_dimension"] == 3
    )
    assert (net / "out" / "net-llc.png").stat().st_size > 30_000


def test_a_list_of_parts_is_a_row_for_each(net, capsys) -> None:
    weights = "weight", "weight + weig*"
    assert run(net, "--json", "--gamma", "5", "--only", ",".join(weights)) == 0
    document = json.loads(capsys.readouterr().out)
    assert [own["name"] for own in document["components"]] == list(weights)
    assert document["gamma"] == 5 and not document["missing"]
    folder = str(net / "parts")
    assert run(net, "--only", "weight,weig*", "--folder", folder, "--shard", "2/2") == 0
    out = capsys.readouterr().out
    assert "not measured yet: weight" in out and "by variance" in out
    assert run(net, "--shard", "1/2") == 2
    assert "--shard: it is for a list of parts" in capsys.readouterr().err


def test_help_says_what_the_number_means(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["llc", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "how singular the network is", "d/2", "not_local_minimum", "l0h3", "a row for each",
        "(default n / log n)", "--tokens", "--device",
    ):  # fmt: skip
        assert words in said


@pytest.mark.slow
def test_influence_lists_examples_and_goes_on_in_its_folder(net, capsys) -> None:
    pytest.importorskip("zarr")
    common = ["influence", str(net / "net.pt"), "--model", f"{net}/net.py:build", "--data"]
    common += [f"{net}/net.py:data", "--out", str(net / "out"), "--chains", "4", "--gamma", "5"]
    common += ["--max-steps", "1000", "--draws", "30", "--folder", str(net / "losses.zarr")]
    assert main([*common, "--of", "0,7", "--anyway"]) == 0
    out = capsys.readouterr().out
    assert "on the loss of sample 7" in out and "helps" in out and "net-kernel.png" in out
    assert main([*common, "--json", "--anyway", "--out", str(net / "again")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["sizes"]["draw"] == 30 and document["examples"]["0"]
    assert main([*common, "--of", "x"]) == 2
    assert "--of: got 'x'" in capsys.readouterr().err


def test_a_sample_that_is_not_there_is_refused_before_the_chains(net, capsys, monkeypatch) -> None:
    def never(*_, **__):
        raise AssertionError("chains were run")

    monkeypatch.setattr(sl.local, "loss_chains", never)
    data = ["--model", f"{net}/net.py:build", "--data", f"{net}/net.py:data"]
    assert main(["influence", str(net / "net.pt"), *data, "--of", "0,80"]) == 2
    assert "--of: got 80; it should be from 0 to 79" in capsys.readouterr().err


def test_a_figure_that_cannot_be_written_costs_no_answer(net, capsys, monkeypatch) -> None:
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(figure_file, "write_whole", full)
    assert run(net) != 0
    out, err = capsys.readouterr()
    assert "λ̂ = " in out and "figure: not written" in out
    assert "No space left on device" in err and "net-llc.png" in err


def test_a_withheld_number_is_a_failure(net, capsys) -> None:
    assert run(net, "--loss", f"{net}/net.py:floorless") == 1
    out = capsys.readouterr().out
    assert "λ̂ = withheld   diverged" in out and "net-llc.png" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"data": "numbers"},
            "--loss: missing, and the targets (torch.float32, shape (80,)) are not class labels; "
            "give the loss",
        ),
        (
            {"model": "probable", "checkpoint": "soft.pt"},
            "--loss: missing, and the output looks like probabilities",
        ),
        ({"model": "absent"}, "it defines no 'absent'"),
        ({"model": "NET"}, "it defines no 'NET'"),
        ({"model": "data"}, "is tuple; it should be a torch.nn.Module"),
        ({"checkpoint": "none.pt"}, "none.pt does not exist"),
        ({"checkpoint": "soft.pt"}, "lacks weight and has besides 0.weight"),
    ],
)
def test_llc_refuses_in_one_sentence(arguments, sentence, net, capsys) -> None:
    torch.save({"0.weight": torch.zeros(3, 2)}, net / "soft.pt")
    assert run(net, **arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1


def test_an_error_in_the_user_s_loss_names_its_line(net, capsys) -> None:
    assert run(net, "--loss", f"{net}/net.py:broken") == 2
    assert "net.py, line 22: NameError: name 'undefined' is not defined" in capsys.readouterr().err


GOOD = """
def data():
    x = torch.randn(80, 2, generator=torch.Generator().manual_seed(0))
    return x, (x @ torch.tensor([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])).argmax(1)
"""


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (
            "def data():\n    x = torch.ones(80, 2)",
            "--data: .*net.py:data returns nothing; a return is missing",
        ),
        (
            "def data():\n    yield torch.ones(80, 2)",
            "--data: .*net.py:data gives a generator; it should return the thing itself",
        ),
        ("async def data():\n    return 1", "--data: .*net.py:data gives a coroutine"),
        ("data = None", "--data: .*net.py:data: got NoneType; it should be tensors"),
        (
            "def data(n):\n    return n",
            "net.py: TypeError: data.. missing 1 required positional argument",
        ),
        ("def data():\n    raise KeyError('x')", "net.py, line 7: KeyError: 'x'"),
        (
            "import sys\nsys.exit(3)",
            "--model: .*net.py, line 7: it ends the program .exit 3.; what it runs as a script "
            "belongs under",
        ),
        (
            "def data():\n    exit('none')",
            "--data: .*net.py, line 7: it ends the program .exit none.",
        ),
        (
            GOOD + "def loss(output, target):\n    raise SystemExit",
            "net.py, line 11: it ends the program",
        ),
        ("def __getattr__(name):\n    raise AttributeError(name)", "net.py: it defines no 'data'"),
        ("def __getattr__(name):\n    return undefined", "net.py, line 7: NameError"),
        ("def data():\n    return torch.ones(80, 2), torch.ones(79)", "data: the parts have"),
    ],
)
def test_what_a_user_s_file_may_do_instead(written, sentence, net, capsys) -> None:
    """One sentence that names the file, whatever it does; never a traceback, and never silence."""
    (net / "net.py").write_text(
        "import torch\n\n\ndef build():\n    return torch.nn.Linear(2, 3, bias=False)\n" + written
    )
    more = ("--loss", f"{net}/net.py:loss") if "def loss" in written else ()
    assert run(net, *more) == 2
    error = capsys.readouterr().err
    assert re.search(sentence, error) and error.count("\n") == 1


def test_what_a_user_s_file_prints_is_no_part_of_the_answer(net, capsys) -> None:
    """And names that it makes when they are asked for are names."""
    lazy = (
        GOOD.replace("def data", "def _data")
        + "def __getattr__(name):\n    print('made', name)\n    return {'data': _data}[name]\n"
    )
    (net / "net.py").write_text(NET.partition("def data")[0] + "print('hello')\n" + lazy)
    assert run(net, "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["half_dimension"] == 3 and "hello" in err and "made data" in err


def test_every_form_of_checkpoint_holds_the_same_weights(tmp_path) -> None:
    weights = {"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([3.0])}
    torch.save(weights, tmp_path / "plain.pt")
    torch.save(
        {"model_state_dict": {f"module.{k}": v for k, v in weights.items()}, "step": 7},
        tmp_path / "trainer.ckpt",
    )
    (tmp_path / "folder").mkdir()
    safetensors.torch.save_file(weights, tmp_path / "folder" / "model.safetensors")
    for name in ("plain.pt", "trainer.ckpt", "folder"):
        loaded = with_weights(torch.nn.Linear(2, 1), read_state(tmp_path / name), name)
        assert digest(loaded.state_dict()) == digest(weights)
        assert torch.equal(loaded.weight, weights["weight"])
    assert digest(
        {**weights, "bias": torch.tensor([math.nextafter(3.0, 4.0)], dtype=torch.float64)}
    ) != digest(weights)


def test_files_that_are_no_weights_are_refused(tmp_path) -> None:
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save(torch.nn.Linear(1, 1), tmp_path / "code.pt")
    (tmp_path / "cut.safetensors").write_bytes(b"1234567890")
    for name, sentence in (
        ("list.pt", "holds a list; it should hold a state dictionary"),
        ("code.pt", "is not a PyTorch file of weights"),
        ("cut.safetensors", "is not a safetensors file"),
    ):
        with pytest.raises(ValueError, match=sentence):
            read_state(tmp_path / name)
    with pytest.raises(
        ValueError, match=r"holds code\.pt, cut\.safetensors, list\.pt; it should hold one file"
    ):
        read_state(tmp_path)
    with pytest.raises(ValueError, match=r"weight has shape \(1, 1\); the model's has \(1, 2\)"):
        with_weights(torch.nn.Linear(2, 1, bias=False), {"weight": torch.ones(1, 1)}, "x")
