"""Types in signatures: short to read, and linked to the page of what they name."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from building import api_pages

SOURCE = Path(__file__).parents[2] / "src" / "singlearn"
_DEFINED = re.compile(r"^(?:class )?([A-Z]\w+)\b(?=[(:]| =)", re.M)
_MODULE = re.compile(r"\b(?:jaxlib\._jax|jax|numpy)\.(?=(?:Array|ndarray)\b)")
_ADDRESS = re.compile(r"<(?:function|class) ([\w.<>]+?)(?: at 0x[0-9a-f]+)?>")


def signature(
    app: Any,
    what: str,
    name: str,
    value: Any,
    options: Any,
    arguments: str | None,
    answer: str | None,
) -> tuple[str | None, str | None]:
    """Shorten what Sphinx has written: modules of array types, addresses of functions.

    Args:
        app: Sphinx.
        what: kind of the object.
        name: its dotted name.
        value: the object.
        options: of the directive.
        arguments: the parameters, in brackets.
        answer: what is returned.

    Returns:
        Both, shortened.
    """
    return _short(arguments), _short(answer)


def _short(text: str | None) -> str | None:
    """Without modules of array types and without addresses.

    >>> _short("(x: ~jaxtyping.Float[jaxlib._jax.Array, 'n 2'])")
    "(x: ~jaxtyping.Float[Array, 'n 2'])"
    """
    return None if text is None else _ADDRESS.sub(r"\1", _MODULE.sub("", text))


def reference(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Find what a short or private name means: Sphinx calls this where it found no page.

    Args:
        app: Sphinx.
        env: its memory.
        node: the reference.
        contnode: what is shown.

    Returns:
        The link; ``None`` if there is no such page, which Sphinx reports.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    # The shape of an array, a type with parameters, a class of our own without a page.
    if target.startswith(("'", '"')) or "[" in target or target in NO_PAGE | _own_names():
        return contnode
    if (full := public_names().get(target)) is not None and full != target:
        return env.domains.python_domain.resolve_xref(
            env, node["refdoc"], app.builder, "obj", full, node, contnode
        )
    if (full := _in_a_room_above(target)) is not None:
        return env.domains.python_domain.resolve_xref(
            env, node["refdoc"], app.builder, "obj", full, node, contnode
        )
    if _is_private(target):
        return contnode
    if (full := ELSEWHERE.get(target)) is not None:
        from sphinx.ext.intersphinx import resolve_reference_any_inventory

        node["reftarget"] = full
        return resolve_reference_any_inventory(
            env, honor_disabled_refs=False, node=node, contnode=contnode
        )
    return None


def _in_a_room_above(target: str) -> str | None:
    """The public name under which an object inside a room is found: of
    ``singlearn.symmetry.fibre.fibre.fibre`` that is ``singlearn.symmetry.fibre``.
    """
    room, _, name = target.rpartition(".")
    while room := room.rpartition(".")[0]:
        if (full := public_names().get(f"{room}.{name}")) is not None:
            return full
    return None


@cache
def _own_names() -> set[str]:
    """Classes and aliases of ours that have no public name, as annotations call them."""
    texts = (path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    return {name for text in texts for name in _DEFINED.findall(text)} - public_names().keys()


def _is_private(target: str) -> bool:
    """Whether there is such an object in singlearn, without a page: then its name is shown as it
    is.
    """
    if not target.startswith("singlearn."):
        return False
    parts = target.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for name in parts[length:]:
            found = getattr(found, name, None)
        return found is not None
    return False


ELSEWHERE = {
    "Array": "jax.Array",
    "Float": "jaxtyping.Float",
    "Int": "jaxtyping.Int",
    "PyTree": "jaxtyping.PyTree",
    "ndarray": "numpy.ndarray",
    "dist.Distribution": "numpyro.distributions.distribution.Distribution",
    "np.ndarray": "numpy.ndarray",
    "pd.DataFrame": "pandas.DataFrame",
    "xr.DataTree": "xarray.core.datatree.DataTree",
    "xr.Dataset": "xarray.core.dataset.Dataset",
}
"""Short names of other projects, as jaxtyping and annotations that cannot be evaluated write them.
"""
NO_PAGE = {"...", "builtins.object", "object"}


@cache
def public_names() -> dict[str, str]:
    """Where a class or function is described, by the dotted name of where it is defined, by every
    public name it has, and by its short name where that means one thing only.
    """
    answer: dict[str, str] = {}
    short: dict[str, set[str]] = {}
    for names in api_pages.documented().values():
        for name in names:
            value = getattr(import_module(name.room), name.name)
            answer[f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"] = (
                name.full
            )
            short.setdefault(name.name, set()).add(name.full)
    by_value = {
        id(getattr(import_module(n.room), n.name)): n.full
        for names in api_pages.documented().values()
        for n in names
    }
    for room in api_pages.rooms():
        for name in api_pages.public(room):
            value = getattr(import_module(room), name)
            if id(value) in by_value:
                answer[f"{room}.{name}"] = by_value[id(value)]
    answer.update({name: next(iter(places)) for name, places in short.items() if len(places) == 1})
    return answer
