"""The page that ``page.py`` puts together, the function ``explore`` and the command, without a
browser.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import singlearn as sl
from singlearn.cli import main
from singlearn.explore import network, widget
from singlearn.symmetry import DeepReLU, TwoLayerReLU, TwoLayerSmooth, write

PAGE = sys.modules["singlearn.explore.page"]  # the room also has a function of this name
NET = TwoLayerReLU([["1/3"], [-1]], [1, "1/7"], [1, 1], 0)


class References(HTMLParser):
    """Everything an HTML file asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [
            value
            for name, value in attrs
            if name in ("src", "href", "action", "poster", "data", "srcset")
        ]


def test_the_page_is_one_small_file_that_refers_to_nothing():
    text = sl.explore().html
    assert len(text.encode()) < 600_000
    parser = References()
    parser.feed(text)
    assert parser.found == ["data:,"]
    assert "default-src 'none'" in text
    # Nothing but the names of XML's own dialects looks like an address that could be loaded.
    addresses = set(re.findall(r"https?://[\w./-]+", text))
    assert {
        address for address in addresses if not address.startswith("http://www.w3.org/")
    } == set()
    assert not re.search(r"\b(?:fetch\(|XMLHttpRequest|WebSocket|importScripts|sendBeacon)", text)


def put(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.mjs").write_text(text)


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A folder of modules in the place of the explorer's."""
    monkeypatch.setattr(PAGE, "_folder", lambda: tmp_path)
    return tmp_path


def test_modules_are_joined_in_the_order_of_their_imports(modules):
    put(
        modules,
        main='import { a, b as other } from "./one.mjs";\nimport * as all from '
        '"./one.mjs";\nexport const c = a + other + all.b;\n',
        one='import table from "./t.json" with { type: "json" };\nexport const a = '
        "table.x;\nexport function b() {}\n",
    )
    (modules / "t.json").write_text('{"x": "</script>"}')
    text = PAGE.module("main.mjs")
    assert text.index('modules["one.mjs"] =') < text.index('modules["main.mjs"] =')
    assert "const { a, b : other } = modules" in text and "</script" not in text
    assert text.rstrip().endswith("export { c };")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('import x from "./one.mjs";\n', "has a form that the page does not understand"),
        ('export * from "./one.mjs";\n', "has a form"),
        ("export default 3;\n", "has a form"),
        ('  import { a } from "./one.mjs";\n', "has a form"),
        ('import { a } from "https://example.org/x.mjs";\n', "has a form"),
        ('export const a = "</script>";\n', "would end the script"),
        ('import { a } from "./main.mjs";\n', "imports itself"),
        (
            'import { a, lost as b } from "./one.mjs";\n',
            "imports lost from one.mjs, which exports a",
        ),
    ],
)
def test_statements_of_other_forms_are_refused_by_name(modules, text, message):
    put(modules, main=text, one="export const a = 1;\n")
    with pytest.raises(ValueError, match=message):
        PAGE.module("main.mjs")


def test_explore_hands_the_exact_network_over():
    explorer = sl.explore(NET)
    assert explorer.net == NET
    assert '"w":[["1/3"],["-1"]]' in explorer.html
    assert sl.explore().net is None


@pytest.mark.parametrize(
    "net",
    [
        DeepReLU(
            [np.array([[1.0], [-1.0]]), np.array([[1.0, 0.5]])],
            [np.array([0.0, 1.0]), np.array([0.5])],
        ),
        {
            "w": np.array([[1.0], [-1.0]]),
            "b": np.array([0.0, 1.0]),
            "q": np.array([1.0, 0.5]),
            "c": np.array(0.5),
        },
    ],
    ids=["deep", "parameters"],
)
def test_other_forms_of_one_network(net, tmp_path):
    expected = TwoLayerReLU([[1], [-1]], [0, 1], [1, Fraction(1, 2)], Fraction(1, 2))
    assert sl.explore(net).net == expected
    write(expected, tmp_path / "net.json")
    assert sl.explore(tmp_path / "net.json").net == expected


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (TwoLayerReLU([[1, 1, 1]], [0], [1], 0), "3 inputs; the explorer draws one or two"),
        (
            TwoLayerReLU([[1]] * 9, [0] * 9, [1] * 9, 0),
            "9 hidden nodes; the explorer shows up to 8",
        ),
        (TwoLayerReLU([[1]], [0], [[1], [1]], [0, 0]), "2 outputs"),
        (DeepReLU([np.eye(1), np.eye(1), np.eye(1)], [np.zeros(1)] * 3), "2 hidden layers"),
        ({"w": [[1]]}, "b, c, q missing"),
        ({"w": [[1]], "b": [0], "q": [1], "c": 0, "activation": "tanh"}, "its activation is tanh"),
        (TwoLayerSmooth("tanh", [[1.0]], [0.0], [1.0], 0.0), "draws networks of ReLU"),
    ],
)
def test_networks_that_cannot_be_drawn_are_refused_by_name(net, message):
    with pytest.raises(ValueError, match=message):
        sl.explore(net)


def test_a_scene_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="scene: got 'sky'; it should be one of network, fibre"):
        sl.explore(scene="sky")


@pytest.mark.parametrize(
    ("boundary", "side"),
    [(0, "3"), (2, "3"), (4, "5"), (80, "100"), (10**6, "1000"), (Fraction(1, 100), "3")],
    ids=str,
)
def test_the_box_shows_the_boundaries(boundary, side):
    explorer = sl.explore(TwoLayerReLU([[2]], [2 * boundary], [1], 0))
    assert explorer.states["network"]["side"] == side


def test_the_page_and_the_function_agree_on_what_can_be_shown():
    state = (PAGE._folder() / "scenes" / "network" / "state.mjs").read_text()
    sides = re.search(r"SIDES = (\[[^\]]*\])", state)
    assert tuple(int(side) for side in json.loads(sides[1])) == network.SIDES
    most = re.search(r"MOST_NODES = (\d+)", (PAGE._folder() / "network" / "net.mjs").read_text())
    assert int(most[1]) == network.MOST_NODES


def test_without_anywidget_a_notebook_shows_an_iframe(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    widget._widget_class.cache_clear()
    explorer = sl.explore(NET)
    assert explorer.widget is None
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/html"].startswith("<iframe srcdoc=") and "sandbox=" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]  # escaped: the notebook's own page stays as it is


def test_with_anywidget_the_same_module_is_a_widget():
    pytest.importorskip("anywidget", reason="anywidget is not installed: the widget is not tested")
    widget._widget_class.cache_clear()
    explorer = sl.explore(NET)
    assert explorer.widget._esm.rstrip().endswith("export default { render };")
    explorer.widget.states = {
        "network": {"net": {"w": [["1/3"]], "b": ["0"], "q": [2], "c": 0, "inputs": 1}}
    }
    assert explorer.net == TwoLayerReLU([["1/3"]], [0], [2], 0)


def test_the_command_writes_a_page(tmp_path, capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("webbrowser.open", lambda url: shown.append(url) or True)
    write(NET, tmp_path / "net.json")
    assert (
        main(["explore", str(tmp_path / "net.json"), "--out", str(tmp_path), "--scene", "fibre"])
        == 0
    )
    path = tmp_path / "explore.html"
    assert capsys.readouterr().out.split() == ["explorer:", str(path)]
    assert shown == [path.as_uri()]
    assert '"1/3"' in path.read_text() and '"scene":"fibre"' in path.read_text()
    for option, name in (("-o", "other.html"), ("--out", "third.html")):
        assert main(["explore", option, str(tmp_path / name), "--json"]) == 0
        assert (tmp_path / name).is_file()
    assert main(["explore", "--out", str(tmp_path / "third.html"), "--json"]) == 2
    capsys.readouterr()
    (tmp_path / "other.html").unlink()
    assert main(["explore", "-o", str(tmp_path / "other.html"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (
        document["page"] == str(tmp_path / "other.html")
        and document["bytes"] == (tmp_path / "other.html").stat().st_size
    )
    assert len(shown) == 1


def test_the_command_refuses_in_one_sentence(tmp_path, capsys):
    write(TwoLayerReLU([[1]] * 9, [0] * 9, [1] * 9, 0), tmp_path / "wide.json")
    assert main(["explore", str(tmp_path / "wide.json"), "--no-open", "--out", str(tmp_path)]) == 2
    assert "9 hidden nodes" in capsys.readouterr().err
    assert main(["explore", str(tmp_path / "none.json"), "--no-open"]) == 2
    assert not (tmp_path / "explore.html").exists()


def test_what_is_linked_from_the_package_is_shipped_in_the_archive_of_the_sources():
    """An archive follows one of two paths to the same folder, so a link needs to be named; a wheel
    made from the archive had no checker.
    """
    root = Path(__file__).parents[2]
    shipped = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]["sdist"]["force-include"]
    links = {str(path.relative_to(root)) for path in (root / "src").rglob("*") if path.is_symlink()}
    assert links and all(shipped.get(link) == link for link in links)
