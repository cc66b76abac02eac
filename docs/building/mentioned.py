"""Types that have no public name but stand in the signature of one: what a result holds, what an
argument may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from inspect import isclass, isfunction, signature, unwrap
from typing import Any, get_args, get_type_hints

from building.api_pages import documented


def mentioned(root: str = "singlearn") -> list[str]:
    """Dotted names of such types, also of those that only they mention.

    Args:
        root: the package.

    Returns:
        Where each is defined, in alphabetical order.
    """
    waiting = [
        getattr(import_module(name.room), name.name)
        for names in documented(root).values()
        for name in names
    ]
    seen = {id(value) for value in waiting}
    answer = []
    while waiting:
        for kind in types_of(waiting.pop()):
            if (
                id(kind) not in seen
                and kind.__module__.split(".")[0] == root
                and "<" not in kind.__qualname__
            ):
                seen.add(id(kind))
                waiting.append(kind)
                answer.append(f"{kind.__module__}.{kind.__qualname__}")
    return sorted(answer)


def types_of(value: Any) -> Iterator[type]:
    """Classes in the annotations of a function, or of a class and its public members."""
    if isfunction(value):
        yield from _in_hints(value)
    elif isclass(value):
        yield from (base for base in value.__bases__ if not base.__name__.startswith("_"))
        yield from _in_hints(value)
        yield from _in_hints(value.__init__)
        for name, member in vars(value).items():
            if name.startswith("_") or not getattr(member, "__doc__", None):
                continue
            if isinstance(member, property):
                member = member.fget
            elif isinstance(member, cached_property):
                member = member.func
            elif isinstance(member, classmethod | staticmethod):
                member = member.__func__
            if isfunction(member):
                yield from _in_hints(member)
    else:
        yield from _inside(value)


def _in_hints(value: Any) -> Iterator[type]:
    try:
        hints = get_type_hints(unwrap(value))
    except Exception:  # names that are imported for the type checker only
        try:
            hints = {p.name: p.annotation for p in signature(value).parameters.values()}
        except (TypeError, ValueError):
            return
    for name, hint in hints.items():
        if not name.startswith("_"):
            yield from _inside(hint)


def _inside(hint: Any) -> Iterator[type]:
    if isclass(hint) and not get_args(hint):
        yield hint
    for part in get_args(hint):
        yield from _inside(part)
