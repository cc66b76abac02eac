"""How Sphinx builds these pages: ``make docs``."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from building import (  # noqa: E402
    annotations,
    api_pages,
    blocks,
    citations,
    contents,
    docstrings,
    elsewhere,
    explorer,
    formulas,
    navigation,
)

project = "singlearn"
author = "The authors of singlearn"
release = installed("singlearn")
root_doc = "index"
exclude_patterns = ["_build", "building"]
html_title = "singlearn"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinxcontrib.bibtex",
]
nitpicky = True

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# It warns of names given in full; it would look for a short one, such as ``select``, among Python's
# own modules first.
suppress_warnings = ["autosummary.import_cycle"]
PAGES = api_pages.write(HERE / api_pages.FOLDER)
autosummary_generate = [str(page) for page in PAGES]
autosummary_ignore_module_all = False
templates_path = ["_templates"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "alpha"

WRITTEN = HERE / "_build" / "written"
intersphinx_mapping = elsewhere.mapping(HERE / "elsewhere.txt", WRITTEN / "inventories")

mathjax_path = formulas.SCRIPT

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_search_summary = False  # a page from a folder may not read other pages
html_copy_source = False
html_sidebars = {"**": ["navbar-logo.html", "search-button-field.html", "navigation.html"]}
html_theme_options = {
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
}


INDEX = (HERE / "index.md").read_text(encoding="utf-8")
ONLY_HERE = ["works-cited"]
"""Pages that are not on GitHub's list."""


def _page(app: Any, name: str, source: list[str]) -> None:
    """What is added to pages that people also read on GitHub."""
    if Path(app.env.doc2path(name)).suffix != ".md":
        return
    text = blocks.trimmed(citations.in_page(source[0]))
    if name == root_doc:
        text += contents.toctrees(source[0], ONLY_HERE)
    if name == "api":
        text += contents.toctree([f"{api_pages.FOLDER}/{page.stem}" for page in PAGES])
    if name == "explore":
        text = explorer.framed(text)
    source[0] = text


def _docstring(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    lines[:] = docstrings.prepared(what, lines)


def _side_bar(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    context["navigation"] = navigation.entries(app.env.titles, INDEX, page, ONLY_HERE)


def _finished(app: Any, failure: Exception | None) -> None:
    if failure is None and app.builder.format == "html":
        formulas.copy_script(Path(app.outdir) / "_static")
        explorer.write(Path(app.outdir))


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _page)
    app.connect("autodoc-process-docstring", _docstring, priority=100)  # before napoleon
    app.connect("autodoc-process-signature", annotations.signature)
    app.connect("missing-reference", annotations.reference)
    app.connect("html-page-context", _side_bar)
    app.connect("build-finished", _finished)
