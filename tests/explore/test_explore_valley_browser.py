"""Valley, Descent and Phases in a real browser: offline, numbers read from the page beside closed
forms.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest

import singlearn as sl

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="Chromium is not installed: the explorer's page is not tried in a browser",
)


class Visit:
    """One page that may ask for nothing and complain about nothing."""

    def __init__(self, browser, address):
        self.address = address
        self.context = browser.new_context(
            offline=True, viewport={"width": 1200, "height": 900}, reduced_motion="reduce"
        )
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on(
            "console",
            lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, scene, **state):
        slot = "phases" if scene == "phases" else "valley"
        self.page.goto("about:blank")
        self.page.goto(
            f"{self.address}#{scene}" + (f"/{quote(json.dumps({slot: state}))}" if state else "")
        )
        self.page.locator("[data-number]").first.wait_for()
        self.settle()

    def settle(self):
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def text(self, name):
        return self.page.locator(f'[data-value="{name}"]').inner_text()

    def number(self, name):
        return float(self.page.locator(f'[data-value="{name}"]').get_attribute("data-number"))

    def slide(self, name, value):
        self.page.locator(f"input[name={name}]").evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
            value,
        )
        self.settle()


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    playwright = pytest.importorskip(
        "playwright.sync_api",
        reason="Playwright is not installed: the page is not tried in a browser",
    )
    address = sl.explore().save(tmp_path_factory.mktemp("explore") / "page.html").as_uri()
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        seen = Visit(browser, address)
        yield seen
        browser.close()
    assert seen.complaints == []
    assert {
        url for url in seen.requests if not url.startswith(("file:", "data:", "blob:", "about:"))
    } == set()


def test_a_regular_bowl_has_the_closed_form_and_a_verified_certificate(visit):
    visit.open("valley", landscape="bowl", logN=3)
    assert visit.number("F") == pytest.approx(-math.log(math.pi / 4000), rel=1e-6)
    assert visit.number("lambda-read") == pytest.approx(1.0, rel=1e-6)
    assert visit.text("lambda-exact") == "1"
    assert "just verified in this page: every step holds" in visit.text("certificate")
    assert visit.number("laplace") == pytest.approx(visit.number("F"), rel=1e-6)
    visit.slide("n", 4)
    assert visit.number("F") == pytest.approx(-math.log(math.pi / 40000), rel=1e-6)
    visit.slide("t", -4)
    assert visit.number("V") == pytest.approx(math.pi * 1e-4 / 4, rel=1e-5)


def test_volume_and_zeta_move_together(visit):
    visit.open("valley", landscape="quartic", z=-0.1)
    visit.page.wait_for_function(
        "() => document.querySelector('[data-value=zeta]').dataset.number !== ''"
    )
    assert visit.number("zeta") == pytest.approx(1 / (1 - 0.4), rel=1e-6)
    assert visit.number("V-slope") == pytest.approx(0.25, rel=1e-6)
    visit.page.locator("input[name=root]").check()
    visit.settle()
    assert visit.number("V-slope") == pytest.approx(0.5, rel=1e-6)
    visit.slide("z", -0.25)
    assert visit.text("zeta") == "∞" and "ζ has its pole" in visit.text("z-words")


TYPED = [
    ("(v^2 - u^3)^2", "lambda-exact", "5/12"),
    ("2x", "typed-error", "write * between factors: 2*x"),
    ("(y^2 - x^3)^2 + y^8", "certificate", 'Not in the table: singlearn exact "'),
    ("x^2 - y", "typed-error", "a divergence is never negative: write a square"),
    ("x^2 + y^2 + 1/10", "certificate", "No zero of K in this box"),
    ("x*y*z", "typed-error", "at most two"),
    ("x^2*y^2", "m", "2"),
]


def test_polynomials_typed_in_one_after_the_other(visit):
    visit.open("valley", landscape="typed")
    for typed, place, said in TYPED:
        visit.page.locator("input[name=polynomial]").fill(typed)
        told = (
            "([place, said]) => "
            "document.querySelector(`[data-value=${place}]`).textContent.includes(said)"
        )
        visit.page.wait_for_function(told, arg=[place, said], timeout=20_000)
        assert visit.page.locator("[data-value=typed-error]").is_visible() == (
            place == "typed-error"
        )
        if (
            place == "typed-error"
        ):  # the picture is still that of the polynomial before, and says so; its λ is not shown
            assert "All that is shown still belongs to K = " in visit.text("typed-error")
            assert visit.text("lambda-exact") == visit.text("m") == "unknown"


def test_flow_keeps_its_hyperbola_and_steps_leave_it(visit):
    visit.open("descent", start=[3.0, 1.5], sigma=0)
    assert visit.number("Q-start") == pytest.approx(6.75)
    assert visit.number("Q-flow") == pytest.approx(6.75, abs=1e-7)
    assert visit.number("Q-gd") < 6.5 and visit.text("Q-rest") == "rounding"
    box = (
        visit.page.get_by_role("slider", name="The start of all descents")
        .locator(".sle-handle-dot")
        .bounding_box()
    )
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visit.page.mouse.move(x, y)
    visit.page.mouse.down()
    visit.page.mouse.move(x - 60, y + 30, steps=4)
    visit.page.mouse.up()
    visit.settle()
    moved = visit.number("Q-start")
    assert abs(moved - 6.75) > 0.5 and visit.number("Q-flow") == pytest.approx(moved, abs=1e-7)
    visit.page.locator("button[name=balance]").click()
    visit.settle()
    assert abs(visit.number("Q-start")) < 1e-12 and abs(visit.number("Q-gd")) < 1e-12


def test_the_order_of_phases_changes(visit):
    visit.open("phases", set="table2-s4")
    assert visit.text("leading") == "all dead"
    assert visit.number("crossing") == pytest.approx(1127, rel=0.01)
    visit.slide("n-beta", 3.5)
    assert visit.text("leading") == "at W_0"


def test_a_damaged_address_is_said(visit):
    visit.open("valley", landscape="mountain")
    assert (
        "the landscape “mountain” is none of"
        in visit.page.locator("[role=alert]").first.inner_text()
    )


@pytest.mark.parametrize(
    "scene", ["valley", "phases", pytest.param("descent", marks=pytest.mark.slow)]
)
def test_it_fits_a_telephone_has_names_and_saves_its_picture(visit, scene):
    visit.page.set_viewport_size({"width": 360, "height": 740})
    try:
        visit.open(scene)
        assert visit.page.evaluate("() => document.documentElement.scrollWidth") <= 360
        assert visit.page.evaluate(
            "() => [...document.querySelectorAll('svg.sle-plot')].every((p) => "
            "p.getAttribute('aria-label'))"
        )
        assert visit.page.evaluate(
            "() => [...document.querySelectorAll('input, select')].every((i) => i.labels.length || "
            "i.ariaLabel)"
        )
        with visit.page.expect_download() as waiting:
            visit.page.locator("button[name=svg]").click()
        text = Path(waiting.value.path()).read_text(encoding="utf-8")
        assert (
            text.startswith("<?xml")
            and text.count("<svg") >= 3
            and ("<image" in text) == (scene != "phases")
        )
    finally:
        visit.page.set_viewport_size({"width": 1200, "height": 900})


def test_the_surface_turns_by_mouse_and_keys_and_is_in_the_address_and_the_file(visit):
    visit.open("valley", landscape="scaling")
    visit.page.locator("select[name=shape]").select_option("surface")
    visit.settle()
    surface = visit.page.get_by_role("slider", name="K as a surface")
    before = visit.page.locator("canvas").screenshot()
    box = surface.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visit.page.mouse.move(x, y)
    visit.page.mouse.down()
    visit.page.mouse.move(x + 100, y + 25, steps=5)
    visit.page.mouse.up()
    visit.settle()
    said = "turned by 10 degrees, seen from 45 degrees above"
    assert surface.get_attribute("aria-valuetext") == said
    assert visit.page.locator("canvas").screenshot() != before
    surface.press("ArrowLeft")
    surface.press("Shift+ArrowDown")
    visit.settle()
    assert surface.get_attribute("aria-valuenow") == "5"
    visit.page.locator("button[name=link]").click()
    visit.settle()
    assert "tilt%22%3A44" in visit.page.evaluate("() => location.hash")
    with visit.page.expect_download() as waiting:
        visit.page.locator("button[name=svg]").click()
    assert "<image" in Path(waiting.value.path()).read_text(encoding="utf-8").split("<text")[0]
    surface.press("Home")
    visit.settle()
    assert surface.get_attribute("aria-valuenow") == "-30"
    visit.page.locator("select[name=landscape]").select_option("quartic")
    visit.settle()
    assert not surface.is_visible() and not visit.page.locator("select[name=shape]").is_visible()


SURFACE = quote(json.dumps({"valley": {"landscape": "scaling", "shape": "surface"}}))


def test_the_surface_is_turned_by_a_finger(visit):
    context = visit.page.context.browser.new_context(
        offline=True, has_touch=True, is_mobile=True, viewport={"width": 360, "height": 740}
    )
    page = context.new_page()
    page.goto(f"{visit.address}#valley/{SURFACE}")
    surface = page.get_by_role("slider", name="K as a surface")
    box = surface.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(page)
    for kind, dx in [("touchStart", 0), ("touchMove", 30), ("touchMove", 90), ("touchEnd", None)]:
        points = [] if dx is None else [{"x": x + dx, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_function(
        "() => Number(document.querySelector('.sle-surface').getAttribute('aria-valuenow')) > -30"
    )
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    context.close()


@pytest.mark.slow  # a measurement: two processes of the suite share the cores with the browser
def test_a_frame_of_the_surface_costs_less_than_a_sixtieth_of_a_second(visit):
    """By the processor's time of the page's scripts, which other work on the machine does not
    lengthen as it lengthens the clock's.
    """
    session = visit.page.context.new_cdp_session(visit.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def used():
        found = session.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in found if m["name"] == "ScriptDuration")

    visit.open("valley", landscape="scaling", shape="surface")
    visit.page.wait_for_function("() => !document.querySelector('[data-value=busy]').textContent")
    before = used()
    frames = visit.page.evaluate("""async () => {
      const plot = document.querySelector(".sle-surface");
      for (let k = 0; k < 100; k += 1) {
        plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", shiftKey: true }));
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      }
      return 100;
    }""")
    cost = 1000 * (used() - before) / frames
    assert 0.5 < cost < 16, f"{cost:.1f} ms of processor time per frame"
