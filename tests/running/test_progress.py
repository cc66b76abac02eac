"""What a person at a terminal sees of long work, and that nobody else sees it."""

from __future__ import annotations

from singlearn.running.progress import counted


def test_pieces_are_counted_on_a_terminal_and_nowhere_else(capsys, monkeypatch) -> None:
    assert list(counted("points", iter("abc"), 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")  # what makes a stream a terminal in the eyes of rich
    assert list(counted("points", iter("abc"), 3, visible=True)) == ["a", "b", "c"]
    shown = capsys.readouterr().err
    assert "points" in shown and "3 of 3  about 0 s left" in shown
