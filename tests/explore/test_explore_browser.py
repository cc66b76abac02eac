"""The explorer in a real browser: offline, by mouse, by keyboard and by touch; every number is read
from the page.
"""

from __future__ import annotations

import json
import os
import shutil
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import singlearn as sl
from singlearn.explore.network import network_state
from singlearn.explore.page import module, scenes, style
from singlearn.symmetry import (
    TwoLayerReLU,
    equivalent,
    explained_rank,
    fibre,
    from_parameters,
    kink_form,
    minimal_width,
    read,
)

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="Chromium is not installed: the explorer's page is not tried in a browser",
)
SCREENS = Path(__file__).parent / "screens"


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api",
        reason="Playwright is not installed: the page is not tried in a browser",
    )
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return sl.explore().save(tmp_path_factory.mktemp("explore") / "page.html").as_uri()


class Visit:
    """A page, what it asked the network for, and what it complained about."""

    def __init__(self, browser, address, frame=False, **options):
        self.context = browser.new_context(
            offline=True, **{"viewport": {"width": 1200, "height": 900}, **options}
        )
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address)
        (self.page.frame_locator("iframe") if frame else self.page).locator(
            "[role=tab]"
        ).first.wait_for()

    def settle(self):
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def text(self, name):
        return self.page.locator(f'[data-value="{name}"]').inner_text()

    def number(self, name):
        return self.page.locator(f'[data-value="{name}"]').get_attribute("data-number")

    def state(self):
        """The network as the page holds it, from its address."""
        self.page.get_by_role("button", name="Link").click()
        self.settle()
        return self.page.evaluate("() => location.hash")

    def field(self, name):
        return self.page.locator(f'[data-value="{name}"]').input_value().replace("−", "-")

    def shown(self, width=3, inputs=1):
        """The network in the table of nodes."""
        names = ["w"] if inputs == 1 else ["w₁", "w₂"]
        return TwoLayerReLU(
            [[self.field(f"{name}-{i}") for name in names] for i in range(width)],
            [self.field(f"b-{i}") for i in range(width)],
            [self.field(f"q-{i}") for i in range(width)],
            self.field("c"),
        )

    def drag(self, label, dx, dy, steps=8):
        box = (
            self.page.get_by_role("slider", name=label, exact=True)
            .locator(".sle-handle-dot")
            .bounding_box()
        )
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=steps)
        self.page.mouse.up()
        self.settle()

    def move(self, name):
        self.page.locator(f"button[name={name}]").click()
        self.settle()

    def example(self, name):
        self.page.locator("select[name=example]").select_option(label=name)
        self.settle()


@pytest.fixture
def visit(browser, address):
    opened = []

    def start(hash_="", **options):
        opened.append(Visit(browser, address + hash_, **options))
        return opened[-1]

    start.browser = browser
    yield start
    for one in opened:
        assert one.complaints == []
        assert [
            url for url in one.requests if not url.startswith(("file:", "data:", "blob:"))
        ] == []
        one.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1200)])
def test_every_scene_offline_without_a_complaint_and_without_scrolling_sideways(
    visit, scheme, width
):
    one = visit(color_scheme=scheme, viewport={"width": width, "height": 800})
    for scene in scenes():
        one.page.locator(f'[data-scene="{scene}"]').click()
        one.settle()
        assert one.page.locator("[role=tabpanel]").inner_text().strip()
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width, scene
        assert (
            one.page.evaluate(
                "[...document.querySelectorAll('button, input, select, [role=slider]')].filter((e) "
                "=> "
                "!(e.labels?.length || e.ariaLabel || e.textContent.trim() || e.title)).length"
            )
            == 0
        ), scene
    assert len([url for url in one.requests if url.startswith("file:")]) == 1


def test_a_dragged_kink_moves_and_what_is_said_is_what_the_library_says(visit):
    one = visit()
    before = one.shown()
    one.drag("Kink of node 1", -60, 0)
    after = one.shown()
    assert (
        after != before
        and after.nodes[1:] == before.nodes[1:]
        and after.nodes[0].b > before.nodes[0].b
    )
    assert after.nodes[0].b.denominator in (1, 2, 4, 5, 10, 20)  # on the grid
    one.page.get_by_label("Count on all inputs").check()
    one.settle()
    ranks = explained_rank(after, np.linspace(-9, 9, 200)[:, None])
    assert int(one.number("rank")) == ranks.rank and int(one.number("explained")) == ranks.explained
    assert int(one.number("minimal-width")) == int(minimal_width(after))
    form = one.text("kink-form").replace("−", "-")
    for totals in kink_form(after).kinks.values():
        assert str(totals[0]) in form


def test_a_kink_snaps_to_a_shared_boundary_within_the_circle_and_not_outside(visit):
    one = visit()
    unit = one.page.evaluate(
        "() => document.querySelector('.sle-frame').getBoundingClientRect().width / 6"
    )
    one.drag(
        "Kink of node 1", 2 * unit - 4, 0
    )  # node 2 stands at x = 1, node 1 at -1; four pixels short of it
    assert [one.text(f"role-{i}") for i in range(3)] == ["shared", "shared", "live"]
    assert one.text("caption") == "Snapped: on the boundary of node 2."
    assert one.shown().nodes[0].b == -1 and one.number("first-order") == "1"
    one.drag("Kink of node 1", 30, 0)
    assert [one.text(f"role-{i}") for i in range(3)] == ["live", "live", "live"]


def test_weights_that_annihilate_are_found_by_the_hand(visit):
    one = visit()
    assert "annihilate" not in one.page.locator('[data-value="relations"]').text_content()
    height = one.page.evaluate(
        "() => document.querySelectorAll('.sle-frame')[1].getBoundingClientRect().height"
    )
    net = one.shown()
    scale = height / (2 * 1.25 * 1.5)  # the axis reaches 1.25 times the largest total gradient, 3/2
    one.drag(
        "Total gradient of node 3", 0, float(net.nodes[2].q[0] * net.nodes[2].w[0] + 1) * scale + 3
    )
    net = one.shown()
    assert net.nodes[0].q[0] * net.nodes[0].w[0] + net.nodes[2].q[0] * net.nodes[2].w[0] == 0
    assert "nodes 1, 3 annihilate" in one.text("relations")


def test_a_walk_in_the_fibre_keeps_the_function(visit, tmp_path):
    one = visit()
    start = one.shown()
    one.page.locator("button[name=to-fibre]").click()
    assert not one.page.locator(
        'button[name^="merge"], button[name^="split"], button[name^="reverse"]'
    ).count()
    one.move("add-free")
    found = fibre(start, 4)
    assert (int(one.number("components")), int(one.number("dimension"))) == (
        found.number,
        found.dimension,
    )
    for step in ("split-0", "scale-1", "merge-0-3", "swap", "balance"):
        one.move(step)
        assert one.number("difference") == "0" and float(one.number("moved")) > 0
    slider = one.page.locator("input[name^=slide]").first
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    one.settle()
    assert one.number("difference") == "0"
    one.page.locator('[data-scene="network"]').click()
    with one.page.expect_download() as download:
        one.page.locator("button[name=json]").click()
    download.value.save_as(tmp_path / "network.json")
    net = read(tmp_path / "network.json")  # as singlearn symmetry describe reads it
    assert net.width == 4 and net != start and equivalent(net, start)


def test_an_annihilating_pair_turns_round_and_the_button_goes_with_it(visit):
    one = visit()
    one.example("A pair that annihilates")
    one.page.locator('[data-scene="fibre"]').click()
    one.move("reverse-0-1")
    assert one.number("difference") == "0"
    one.page.locator('[data-scene="network"]').click()
    net = one.shown(2)
    assert net == TwoLayerReLU([[-1], [1]], [-1, -1], [1, 1], 1)
    one.page.locator('[data-value="q-0"]').fill("2/3")
    one.page.locator('[data-value="q-0"]').press("Enter")
    one.page.locator('[data-scene="fibre"]').click()
    assert one.page.locator('button[name^="reverse"]').count() == 0


def test_the_address_brings_the_same_network_back_and_a_damaged_one_is_named(visit):
    one = visit()
    one.drag("Kink of node 2", 55, 0)
    net, hash_ = one.shown(), one.state()
    two = visit(hash_)
    assert two.shown() == net
    for damaged, said in [
        (hash_[:-9], "cut off or damaged"),
        ("#sky", "names the scene “sky”"),
        ('#network/{"network":{"net":3}}', "should be an object"),
        ('#network/{"network":{"sides":3}}', "none of its settings"),
        ('#fibre/{"network":{"side":"4"}}', "one of 1, 2, 3"),
        ('#fibre/{"network":{"start":{"w":[[1]],"b":[0],"q":[1],"c":0}}}', "no point of the fibre"),
    ]:
        two.page.evaluate("(hash) => { location.hash = hash; }", damaged)
        two.settle()
        assert said in two.page.get_by_role("alert").inner_text()
        assert two.shown() == net
    three = visit("#sky")
    assert "names the scene" in three.page.get_by_role("alert").inner_text()
    assert three.shown() == read_default()


def read_default():
    return TwoLayerReLU([[1], [1], [-1]], [1, -1, "1/2"], [1, "-3/2", "3/4"], -1)


def test_everything_by_keyboard(visit):
    one = visit()
    kink = one.page.get_by_role("slider", name="Kink of node 1", exact=True)
    kink.focus()
    kink.press("ArrowRight")
    one.settle()
    assert one.shown().nodes[0].b == Fraction(17, 20)  # a twentieth of the box to the right
    total = one.page.get_by_role("slider", name="Total gradient of node 1", exact=True)
    total.focus()
    total.press("ArrowUp")
    one.settle()
    assert one.shown().nodes[0].q[0] == Fraction(3, 2)
    field = one.page.get_by_label("b of node 2")
    field.fill("zwei")
    field.press("Enter")
    assert "“zwei” is no number" in one.page.get_by_role("alert").inner_text()
    one.page.locator('[data-scene="network"]').focus()
    one.page.keyboard.press("ArrowRight")
    assert one.page.locator('[data-scene="fibre"]').get_attribute("aria-selected") == "true"
    one.page.locator("button[name=tour]").press("Enter")
    for step in range(6):
        assert one.text("tour-step") == f"{step + 1} of 6"
        one.page.keyboard.press("Enter")
    assert one.page.locator(".sle-tour").count() == 0


def test_a_first_visit_is_invited_to_the_tour_and_nobody_else(visit):
    one = visit(viewport={"width": 360, "height": 740})
    line, tabs = (
        one.page.locator(place).bounding_box() for place in (".sle-invitation", "[role=tablist]")
    )
    assert line["y"] + line["height"] <= tabs["y"]  # it covers nothing
    one.page.locator("button[name=invitation-tour]").press("Enter")
    assert one.text("tour-step") == "1 of 6"
    one.page.keyboard.press("Escape")
    assert one.page.locator(".sle-tour, .sle-invitation").count() == 0
    assert visit("#valley").page.locator(".sle-invitation").count() == 0


def test_a_finger_drags(visit):
    one = visit(has_touch=True, is_mobile=True, viewport={"width": 360, "height": 740})
    before = one.shown()
    box = (
        one.page.get_by_role("slider", name="Kink of node 3", exact=True)
        .locator(".sle-handle-dot")
        .bounding_box()
    )
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = one.context.new_cdp_session(one.page)
    for kind, dx in [
        ("touchStart", 0),
        *(("touchMove", 4 * k) for k in range(1, 8)),
        ("touchEnd", None),
    ]:
        points = [] if dx is None else [{"x": x + dx, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    one.settle()
    assert one.shown().nodes[2].b > before.nodes[2].b  # w = -1: to the right is a larger b


@pytest.mark.slow  # a measurement: two processes of the suite share the cores with the browser
def test_sixty_frames_a_second_with_eight_nodes(visit):
    one = visit()
    one.example("Two inputs: eight nodes")
    # What a frame costs is the time inside its callbacks: on a machine that does other work as
    # well, frames come late for its reasons.
    one.page.evaluate("""() => {
      window.costs = [];
      const ask = window.requestAnimationFrame.bind(window);
      window.requestAnimationFrame = (f) => ask((t) => {
        const start = performance.now();
        f(t);
        window.costs.push(performance.now() - start);
      });
    }""")
    one.drag("Boundary of node 2", 60, 60, steps=24)
    one.drag("Weight vector of node 8", -60, 40, steps=24)
    costs = one.page.evaluate("() => window.costs")
    assert len(costs) > 20
    assert np.median(costs) < 16, f"median frame {np.median(costs):.1f} ms of {len(costs)}"


MODEL = """
const traits = {states: %s, scene: "fibre", heading: ""};
window.saved = [];
const model = {
  get: (name) => traits[name], set: (name, value) => { traits[name] = value; },
  save_changes: () => window.saved.push(traits.states),
};
for (const id of ["a", "b"]) window["stop_" + id] =
  widget.render({model, el: document.getElementById(id)});
"""


def test_the_widget_draws_twice_in_one_notebook_and_writes_the_network_back(visit, tmp_path):
    net = TwoLayerReLU([["1/3"], [-1]], [1, "1/7"], [1, 1], 0)
    states = json.dumps({"network": network_state(net)})
    text = (
        module("widget.mjs").replace("export { render };", "const widget = { render };")
        + MODEL % states
    )
    page = tmp_path / "notebook.html"
    head = f'<!doctype html><meta charset="utf-8"><style>{style()}</style>'
    page.write_text(
        f'{head}<div id="a"></div><div id="b"></div><script type="module">{text}</script>'
    )
    one = Visit(visit.browser, page.as_uri())
    one.page.locator("#b button[name=scale-0]").click()
    one.page.wait_for_function("window.saved.length > 0")
    after = from_parameters(one.page.evaluate("window.saved[0].network.net"))
    assert after.nodes[0] == net.nodes[0].scaled(Fraction(2)) and after.nodes[1] == net.nodes[1]
    # Jupyter looks for this on the element that has the focus, and leaves its keys alone.
    one.page.locator("#b [role=slider]").first.focus()
    assert one.page.evaluate("document.activeElement.dataset.lmSuppressShortcuts") == "true"
    ids = one.page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    assert one.page.evaluate("() => location.hash") == ""
    one.page.evaluate("() => { window.stop_a(); window.stop_b(); }")
    assert one.complaints == []
    one.context.close()


def test_the_iframe_of_notebooks_without_anywidget_works_in_its_sandbox(
    visit, tmp_path, monkeypatch
):
    monkeypatch.setattr("singlearn.explore.explorer.make_widget", lambda states, scene: None)
    page = tmp_path / "notebook.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8">{sl.explore()._repr_mimebundle_()["text/html"]}'
    )
    one = Visit(visit.browser, page.as_uri(), frame=True)
    frame = one.page.frame_locator("iframe")
    frame.locator("button[name=to-fibre]").click()
    frame.locator("button[name=scale-0]").click()
    one.page.wait_for_timeout(500)
    assert frame.locator('[data-value="difference"]').get_attribute("data-number") == "0"
    assert one.complaints == []
    one.context.close()


SEEN = [
    ("network", "light"),
    ("fibre", "dark"),
    ("valley", "light"),
    ("descent", "dark"),
    ("phases", "light"),
]


@pytest.mark.parametrize(("name", "scheme"), SEEN)
def test_pictures_look_as_they_did(visit, name, scheme):
    """Thumbnails, so that another font is no failure; WRITE_SCREENS=1 keeps what is seen now."""
    from PIL import Image

    one = visit(f"#{name}", color_scheme=scheme)
    one.settle()
    picture = (
        Image.open(BytesIO(one.page.locator(".sle-plot").first.screenshot()))
        .convert("L")
        .resize((96, 54), Image.Resampling.BOX)
    )
    path = SCREENS / f"{name}-{scheme}.png"
    if os.environ.get("WRITE_SCREENS"):
        picture.save(path)
    kept = np.asarray(Image.open(path).convert("L"), dtype=float)
    assert np.abs(np.asarray(picture, dtype=float) - kept).mean() < 4


def test_the_saved_picture_is_the_one_on_the_screen(visit, tmp_path):
    from PIL import Image

    one = visit(color_scheme="dark")
    with one.page.expect_download() as download:
        one.page.locator("button[name=png]").click()
    download.value.save_as(tmp_path / "view.png")
    saved = Image.open(tmp_path / "view.png").convert("L")
    plot = one.page.locator(".sle-plot").first
    screen = Image.open(BytesIO(plot.screenshot())).convert("L")
    cut = saved.crop((0, 0, 2 * screen.width, 2 * screen.height)).resize(
        (120, 60), Image.Resampling.BOX
    )
    difference = np.abs(
        np.asarray(cut, dtype=float)
        - np.asarray(screen.resize((120, 60), Image.Resampling.BOX), dtype=float)
    )
    assert difference.mean() < 6
    with one.page.expect_download() as download:
        one.page.locator("button[name=svg]").click()
    download.value.save_as(tmp_path / "view.svg")
    assert (
        "var(--" not in (tmp_path / "view.svg").read_text()
        and "<path" in (tmp_path / "view.svg").read_text()
    )
