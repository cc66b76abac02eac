"""``singlearn exact``: arguments, text, JSON and pictures."""

import errno
import json

import pytest

from singlearn.cli import figure_file, main
from singlearn.cli.exact import run as run_command
from singlearn.cli.parser import command_line
from singlearn.exact import rlct


def run(*arguments):
    run_command(command_line().parse_args(["exact", *arguments]))


def test_text(capsys):
    run("(x + y^2)^2 + z^2")
    out = capsys.readouterr().out
    assert out.startswith("λ = 1, m = 1 (proved)") and "Result: λ = 1, m = 1." in out


def test_json_and_generators(capsys):
    run("x*y", "y*z", "x*z", "--json", "--prior", "|x|")
    document = json.loads(capsys.readouterr().out)
    expected = rlct(["x*y", "y*z", "x*z"], prior="|x|")
    assert (document["value"], document["multiplicity"], document["status"]) == (
        str(expected.value),
        expected.multiplicity,
        "proved",
    )
    assert document["certificate"] == json.loads(json.dumps(expected.certificate.to_dict()))


def test_points_and_squares(capsys):
    run("x^2 + y^2 - 1", "--squares", "--at", "x=3/5", "--at", "y=4/5")
    assert capsys.readouterr().out.startswith("λ = 1/2, m = 1 (proved)")
    run("x^2 + y^2 - 1", "--squares", "--everywhere")
    assert capsys.readouterr().out.startswith("λ = 1/2, m = 1 (proved)")
    with pytest.raises(ValueError, match="--at: got 'x'"):
        run("x^2", "--at", "x")


def test_out_is_a_file_and_asks_for_the_picture(tmp_path, capsys):
    target = tmp_path / "new" / "cusp.svg"
    run("(y^2 - x^3)^2", "--out", str(target), "--picture-of", "blow-up")
    assert b"<svg" in target.read_bytes()[:2000]
    assert f"figure: {target}" in capsys.readouterr().out


def test_no_picture_is_replaced(tmp_path, capsys):
    taken = tmp_path / "cusp.png"
    taken.write_bytes(b"mine")
    with pytest.raises(ValueError, match="already exists, and is not replaced"):
        run("x^2*y^2", "--out", str(taken))
    for name in ("exact.png", "exact-2.png"):
        run("x^2*y^2", "--picture", "--out", str(tmp_path))
        assert f"figure: {tmp_path / name}" in capsys.readouterr().out
    assert taken.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["x^2", "--at", "x=1"], "leave out --at"), (["x^2 + 1"], "no real zero")],
)
def test_check_says_what_it_cannot_measure(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        run(*arguments, "--check")


def test_a_figure_that_cannot_be_written_costs_no_proof(tmp_path, capsys, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(figure_file, "write_whole", full)
    assert main(["exact", "x^2*y^2", "--picture", "--out", str(tmp_path)]) != 0
    out, err = capsys.readouterr()
    assert "λ = 1/2, m = 2 (proved)" in out and "figure: not written" in out
    assert "No space left on device" in err and "exact.png" in err
