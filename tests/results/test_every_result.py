"""Every exported answer has the one shape: text a person reads, a document, cautions."""

from __future__ import annotations

import json
import pkgutil
import sys
from enum import Enum
from importlib import import_module
from pathlib import Path

import pytest

import singlearn
from singlearn.results import Answer, Caution, Pictured, Reason, Result, Tabled
from singlearn.results.prompt import Shown

sys.path.insert(0, str(Path(__file__).parent))
from instances import BROUGHT, MADE


def exported() -> dict[str, type]:
    """Classes in ``__all__`` of a room, each by its shortest name."""
    found: dict[type, str] = {}
    for module in pkgutil.walk_packages(singlearn.__path__, "singlearn."):
        if not module.ispkg or module.name.startswith("singlearn.explore.data"):
            continue
        room = import_module(module.name)
        for name in getattr(room, "__all__", ()):
            thing = getattr(room, name)
            if not isinstance(thing, type) or not thing.__module__.startswith("singlearn"):
                continue
            if issubclass(thing, (Exception, Enum)) or getattr(thing, "_is_protocol", False):
                continue
            key = f"{module.name.removeprefix('singlearn.')}.{name}"
            if thing not in found or len(key) < len(found[thing]):
                found[thing] = key
    return {key: thing for thing, key in found.items()}


EXPORTED = exported()


def test_no_exported_class_is_forgotten() -> None:
    assert set(EXPORTED) == {*MADE, *BROUGHT}, "make one in instances.py"
    assert not set(MADE) & set(BROUGHT)
    for key in MADE:
        assert issubclass(EXPORTED[key], Answer), key


@pytest.mark.parametrize("key", sorted(MADE))
def test_every_result_has_the_one_shape(key: str) -> None:
    answer = MADE[key]()
    assert isinstance(answer, EXPORTED[key]) and isinstance(answer, Result)
    shown = str(answer)
    assert 0 < len(shown) < 2000 and len(repr(answer)) < 2000
    assert not shown.startswith("<"), shown
    assert answer._repr_html_().startswith("<")
    assert type(answer.cautions) is tuple
    assert all(type(caution) is Caution for caution in answer.cautions)
    assert not hasattr(answer, "warnings")
    document = answer.to_dict()
    json.dumps(document, allow_nan=True)
    assert "warnings" not in document
    if answer.cautions and "cautions" in document:
        assert [Caution.from_dict(c) for c in document["cautions"]] == list(answer.cautions)


@pytest.mark.parametrize(
    "key",
    [key for key in sorted(MADE) if hasattr(EXPORTED.get(key), "table")],
)
def test_tables_are_data_frames_of_numbers(key: str) -> None:
    answer = MADE[key]()
    assert isinstance(answer, Tabled)
    frame = answer.table()
    assert type(frame).__module__.startswith("pandas") and len(frame) + len(frame.columns) > 0
    for column in frame:
        assert all(not hasattr(value, "standard_error") for value in frame[column]), column


def test_an_answer_of_which_a_picture_says_more_draws_itself() -> None:
    drawn = {key for key in MADE if hasattr(EXPORTED[key], "plot")}
    assert {"tempering.Run", "selection.Selection", "volume.VolumeCurve"} <= drawn
    curve = MADE["volume.VolumeCurve"]()
    assert isinstance(curve, Pictured) and curve.plot().axes
    for key in drawn:
        assert EXPORTED[key].plot.__doc__.count("singlearn.plot."), key


def test_every_reason_says_what_it_means_and_what_to_do() -> None:
    for reason in Reason:
        assert reason.sentence and reason.what_to_do, reason
        assert reason == reason.name.lower() and Reason(str(reason)) is reason
        assert not reason.sentence.endswith(".") and not reason.what_to_do.endswith("."), reason


def test_texts_that_are_long_are_cut_and_say_where_the_rest_is() -> None:
    diagram = MADE["transitions.PhaseDiagram"]()
    assert len(diagram.summary()) > 2000 > len(str(diagram))
    assert str(diagram).endswith("summary() shows all)") and diagram.summary() != str(diagram)
    assert issubclass(type(diagram), Shown) and repr(diagram) == str(diagram)


class _Long(Answer):
    """An answer whose cautions stand beneath more numbers than fit."""

    cautions = (Caution(Reason.POOR_MIXING, "2 of 20 rungs kept 0.9"),)

    def summary(self) -> str:
        return "\n".join([*("a row of numbers" for _ in range(300)), *map(str, self.cautions)])


def test_no_caution_is_cut_away_without_a_word() -> None:
    assert "2 of 20" not in str(_Long())
    assert "poor_mixing" in str(_Long()) and len(str(_Long())) < 2000
    assert repr(_Long()) == str(_Long())
