"""What a person sees of long work in a terminal and in a log file."""

from __future__ import annotations

import io
import sys

import pytest

from singlearn.running import progress
from singlearn.running.progress import ProgressBar, counted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_short_work_leaves_nothing_in_a_log_file(capsys) -> None:
    assert list(counted("points", iter("abc"), 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_pieces_are_counted_on_a_terminal(monkeypatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(counted("points", iter("abc"), 3)) == ["a", "b", "c"]
    assert "points: 100%|" in terminal.getvalue()
    assert "3 of 3  about 0 s left" in terminal.getvalue()
    assert terminal.getvalue().rstrip(" ").endswith("\r")  # the bar is gone when the work is done


def test_nothing_is_said_where_silence_was_asked_for(monkeypatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(counted("points", iter("abc"), 3, visible=False)) == ["a", "b", "c"]
    assert terminal.getvalue() == ""


def test_a_log_file_gets_a_line_a_minute(monkeypatch, capsys) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with ProgressBar("run", "compiling") as bar:
        for second in range(150):
            now[0] = float(second)
            bar.show(second / 150, f"rung {second}")
    assert capsys.readouterr().err.splitlines() == [
        "run: 40%  rung 60  (1 min 0 s)",
        "run: 80%  rung 120  (2 min 0 s)",
        "run: 99%  rung 149  (2 min 29 s)",
    ]


def test_a_log_file_is_told_at_once_where_progress_was_asked_for(capsys) -> None:
    with ProgressBar("run", "compiling", visible=True):
        pass
    assert capsys.readouterr().err == "run: 0%  compiling  (0 min 0 s)\n"


def test_a_function_is_told_shares_and_words(capsys) -> None:
    told = []
    pieces = counted("points", iter("ab"), 2, visible=lambda *said: told.append(said))
    assert list(pieces) == ["a", "b"]
    assert [share for share, _ in told] == [0.0, 0.5, 1.0, 1.0]
    assert told[0][1] == "points: 0 of 2" and told[-1][1] == "points: done"
    assert capsys.readouterr().err == ""


def test_anything_else_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="progress: got 1; it should be True, False, None or a"):
        progress.checked(1)
