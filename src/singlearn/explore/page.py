"""The explorer as one HTML file: every module, style and table is inside it, and it asks the
network for nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from posixpath import dirname, join, normpath
from typing import Any

ENTRY = "main.mjs"

_NAMES = re.compile(
    r'^import\s+(?:\{(?P<names>[^}]*)\}|\*\s+as\s+(?P<space>\w+))\s+from\s+"(?P<path>\.{1,2}/[^"]+\.mjs)";\s*?$',
    re.M,
)
_TABLE = re.compile(
    r'^import\s+(?P<name>\w+)\s+from\s+"(?P<path>\.{1,2}/[^"]+\.json)"\s+with\s+\{\s*type:\s*"json"\s*\};\s*?$',
    re.M,
)
_DECLARED = re.compile(
    r"^export\s+(?=(?:async\s+)?(?:function\*?|class|const|let)\s+(?P<name>\w+))", re.M
)
_LISTED = re.compile(r"^export\s+\{(?P<names>[^}]*)\};\s*?$", re.M)


def module(entry: str = ENTRY) -> str:
    """One JavaScript module with everything ``entry`` imports, each file in a function of its own.

    The files are plain ES modules that browsers and Node read as they are. Four forms of statement
    are understood, each at the beginning of a line: ``import { a, b as c } from "./x.mjs";``,
    ``import * as a from "./x.mjs";``, ``import a from "./x.json" with { type: "json" };`` and
    ``export`` before a declaration or a list of names.

    Args:
        entry: the file that is started, a path inside the folder ``js``.

    Returns:
        The text of a module that exports what ``entry`` exports.

    Raises:
        ValueError: a file has an import or export of another form, files import each other in a
            circle, or a file imports what another does not export.
    """
    parts: list[str] = ["const modules = {};"]
    exported = _add(entry, parts, [], {})
    names = ", ".join(exported)
    return "\n".join(
        [*parts, f'const {{ {names} }} = modules["{entry}"];', f"export {{ {names} }};", ""]
    )


def page(
    states: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    scene: str | None = None,
    heading: str | None = None,
) -> str:
    """The explorer as the text of an HTML file.

    Args:
        states: settings of scenes, by scene, laid over their defaults.
        scene: id of the scene that is opened first.
        heading: the headline; that of the explorer if not given.

    Returns:
        HTML without a reference to anything outside it.
    """
    options = {
        "states": states or {},
        **({"scene": scene} if scene else {}),
        **({"heading": heading} if heading else {}),
    }
    script = _without_export(module())
    start = f'start(document.getElementById("explorer"), {_literal(options)});'
    return _PAGE.format(
        title=escape(heading or "singlearn explore"),
        style=style(),
        script=f"{script}\n{start}",
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none';
  script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
body {{ margin: 0; background: #ffffff; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14181d; }} }}
{style}</style>
</head>
<body>
<main id="explorer"><noscript>
This page is a program: it needs JavaScript, and nothing else.</noscript></main>
<script type="module">
{script}
</script>
</body>
</html>
"""


def style() -> str:
    """The style sheet."""
    return _text("style.css")


def scenes() -> tuple[str, ...]:
    """The ids of the scenes, in the order of their tabs."""
    names = re.search(r"SCENES = \[([^\]]*)\]", _text(ENTRY))
    if names is None:
        raise AssertionError(f"js/{ENTRY} has no list of scenes")
    return tuple(name.strip() for name in names[1].split(",") if name.strip())


def _without_export(text: str) -> str:
    return text[: text.rindex("\nexport {")]


def _folder() -> Traversable:
    return files("singlearn.explore") / "js"


def _text(path: str) -> str:
    return (_folder() / path).read_text(encoding="utf-8")


def _literal(value: Any) -> str:
    """JSON as a JavaScript literal that cannot end the script it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _add(path: str, parts: list[str], above: list[str], done: dict[str, list[str]]) -> list[str]:
    """Append a file after everything it imports; returns the names it exports."""
    if path in above:
        raise ValueError(f"js/{path}: it imports itself through {' → '.join([*above, path])}")
    text = _text(path)
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError(
            f"js/{path}: it holds “</script” or “<!--”, which would end the script of the page; "
            f"write it in two pieces"
        )
    exported: list[str] = []

    def target(found: re.Match[str]) -> str:
        return normpath(join(dirname(path), found["path"]))

    def names(found: re.Match[str]) -> str:
        other = target(found)
        if other not in done:
            _add(other, parts, [*above, path], done)
        if found["space"]:
            return f'const {found["space"]} = modules["{other}"];'
        asked = [
            re.split(r"\s+as\s+", name.strip())[0]
            for name in found["names"].split(",")
            if name.strip()
        ]
        if missing := [name for name in asked if name not in done[other]]:
            raise ValueError(
                f"js/{path}: it imports {', '.join(missing)} from {other}, which exports "
                f"{', '.join(done[other])}"
            )
        pieces = [
            " : ".join(re.split(r"\s+as\s+", name.strip()))
            for name in found["names"].split(",")
            if name.strip()
        ]
        return f'const {{ {", ".join(pieces)} }} = modules["{other}"];'

    def table(found: re.Match[str]) -> str:
        return f"const {found['name']} = {_literal(json.loads(_text(target(found))))};"

    def declared(found: re.Match[str]) -> str:
        exported.append(found["name"])
        return ""

    def listed(found: re.Match[str]) -> str:
        exported.extend(name.strip() for name in found["names"].split(",") if name.strip())
        return ""

    body = _LISTED.sub(listed, _DECLARED.sub(declared, _TABLE.sub(table, _NAMES.sub(names, text))))
    if other := re.search(r"^\s*(?:import|export)\b(?!\s*\().*$", body, re.M):
        raise ValueError(
            f"js/{path}: the statement {other[0].strip()!r} has a form that the page does not "
            f"understand"
        )
    done[path] = exported
    parts.append(
        f'modules["{path}"] = (() => {{\n{body.strip()}\nreturn {{ {", ".join(exported)} '
        f"}};\n}})();"
    )
    return exported
