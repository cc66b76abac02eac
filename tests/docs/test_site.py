"""The documentation site: ``docs/building`` and ``make docs``."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SOURCE = DOCS.parent / "src" / "singlearn"
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

sys.path.insert(0, str(DOCS))
from building import api_pages, citations, contents, elsewhere  # noqa: E402


def named(room: str = "singlearn") -> dict[str, list[str]]:
    """Every name in every ``__all__`` that can be reached from the package, by room."""
    found: dict[str, list[str]] = {}
    waiting = [room]
    while waiting:
        module = import_module(waiting.pop())
        if module.__name__ in found:
            continue
        found[module.__name__] = list(getattr(module, "__all__", []))
        values = (getattr(module, name) for name in found[module.__name__])
        waiting += [value.__name__ for value in values if isinstance(value, ModuleType)]
    return found


def test_every_public_name_is_on_an_api_page():
    described = {name.full for own in api_pages.documented().values() for name in own}
    pages = {room: api_pages.page(room, names) for room, names in api_pages.documented().items()}
    for room, names in named().items():
        for name in names:
            has_a_page = f"{room}.{name}" in described and f"   ~{room}.{name}\n" in pages[room]
            leads_to_one = f"``{room}.{name}``" in pages[room] or f"`{room}.{name}`" in pages[room]
            assert has_a_page or leads_to_one, f"{room}.{name}"


def test_every_page_is_in_the_contents():
    listed = {
        page
        for pages in contents.sections((DOCS / "index.md").read_text()).values()
        for page in pages
    }
    assert listed == {path.stem for path in DOCS.glob("*.md")} - {"index"}


def test_a_reader_meets_every_page_once_in_the_tables():
    rows = re.findall(r"^\| \[.+?\]\(([\w-]+)\.md\) \|", (DOCS / "index.md").read_text(), re.M)
    assert len(rows) > 40
    assert sorted(rows) == sorted(set(rows))


def test_every_work_cited_is_in_the_bibliography():
    known = citations.keys(DOCS / "references.bib")
    cited = {
        key
        for path in SOURCE.rglob("*.py")
        for key in re.findall(r"\[([a-z][a-z-]*\d{4}[a-z]*)\]_", path.read_text(encoding="utf-8"))
    }
    cited |= {
        key
        for path in DOCS.glob("*.md")
        for key in re.findall(r"\{cite:p\}`(\w+)`", citations.in_page(path.read_text()))
    }
    assert len(cited) > 40
    assert cited <= known


def test_pictures_that_pages_show_exist():
    shown = {
        name
        for path in DOCS.glob("*.md")
        for name in re.findall(r"\]\((images/[^)]+)\)", path.read_text())
    }
    assert {name for name in shown if not (DOCS / name).is_file()} == set()


def test_links_to_other_projects_are_read_and_a_bad_line_is_named():
    projects = elsewhere.projects((DOCS / "elsewhere.txt").read_text())
    assert {"python", "numpy", "jax"} <= {project.name for project in projects}
    with pytest.raises(ValueError, match="line 2"):
        elsewhere.projects("[numpy] https://numpy.org\nnumpy.ndarray")


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(find_spec, ("sphinx", "myst_parser", "sphinx_book_theme"))),
    reason="not installed: pip install .[docs]",
)
def test_the_site_builds_without_a_warning_and_opens_from_a_folder(tmp_path):
    site = tmp_path / "html"
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "-n",
        "--keep-going",
        "-q",
        "-d",
        str(tmp_path / "trees"),
        "-b",
        "html",
        str(DOCS),
        str(site),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-4000:]

    from sphinx.util.inventory import InventoryFile

    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, name: name)
    described = {
        name for kind, names in inventory.items() if kind.startswith("py:") for name in names
    }
    assert {name.full for own in api_pages.documented().values() for name in own} <= described
    assert len((site / "_static" / "explorer.html").read_bytes()) < 600_000

    if CHROMIUM is None:
        pytest.skip("the site is built; without Chromium nobody looks at it")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: nobody looks at the site"
    )
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width in (1400, 390):
            page = browser.new_page(viewport={"width": width, "height": 900})
            asked: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto((site / "what-lambda-is.html").as_uri())
            page.wait_for_selector("mjx-container svg")
            count = "selector => document.querySelectorAll(selector).length"
            drawn = page.evaluate(count, "mjx-container")
            assert drawn == page.evaluate(count, "span.math, div.math") > 5
            # Wide tables scroll inside themselves.
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.goto((site / "search.html").as_uri() + "?q=learning_curve")
            page.wait_for_selector("ul.search li a")
            assert "learning_curve" in page.inner_text("ul.search")
            page.goto((site / "explore.html").as_uri())
            page.frame_locator("iframe.explorer").locator(
                "#explorer svg, #explorer canvas"
            ).first.wait_for()
            assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
        browser.close()
