"""Write a page for every public room, and name there everything in its ``__all__``.

The rooms are those that ``singlearn`` itself names, and rooms that they name in turn. Nothing is
listed by hand, so that no name can be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import isclass, isfunction, ismodule
from pathlib import Path

FOLDER = "api"
"""Where the pages are written, inside ``docs``; git ignores it."""


@dataclass(frozen=True)
class Name:
    """A public name of a room.

    Args:
        room: dotted name of the room in which it is documented.
        name: how it is called there.
        kind: "class", "function" or "value".
    """

    room: str
    name: str
    kind: str

    @property
    def full(self) -> str:
        """The dotted name."""
        return f"{self.room}.{self.name}"


@cache
def rooms(root: str = "singlearn") -> list[str]:
    """Dotted names of the public rooms, each before those inside it.

    Args:
        root: the package to begin with.

    Returns:
        The package, and every module that is named in the ``__all__`` of one that is in this list.

    >>> "singlearn.exact" in rooms(), "singlearn.exact.catalogue" in rooms()
    (True, True)
    """
    found = [root]
    for room in found:
        module = import_module(room)
        inside = (getattr(module, name) for name in public(room))
        found.extend(sorted({m.__name__ for m in inside if ismodule(m)} - set(found)))
    return found


def public(room: str) -> list[str]:
    """Names in the ``__all__`` of a room; for a room without one the public functions and classes
    that it defines.

    Args:
        room: its dotted name.

    Returns:
        The names, in alphabetical order.
    """
    module = import_module(room)
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return sorted(listed)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (isfunction(value) or isclass(value))
        and value.__module__ == room
    )


@cache
def documented(root: str = "singlearn") -> dict[str, list[Name]]:
    """Every public name, by the room on whose pages it is described.

    A name that several rooms share is described in the innermost room only: ``singlearn.temper`` is
    ``singlearn.tempering.temper``.

    Args:
        root: the package to begin with.

    Returns:
        Names of classes, functions and values by room; rooms themselves are keys, not names.
    """
    order = rooms(root)
    places: dict[int, str] = {}
    for room in order:
        for name in public(room):
            value = getattr(import_module(room), name)
            if not ismodule(value) and room != root:
                places.setdefault(id(value), room)
    answer: dict[str, list[Name]] = {room: [] for room in order}
    for room in order:
        for name in public(room):
            value = getattr(import_module(room), name)
            if not ismodule(value) and places.get(id(value), room) == room:
                answer[room].append(Name(room, name, _kind(value)))
    return answer


def _kind(value: object) -> str:
    if isclass(value):
        return "class"
    return "function" if isfunction(value) else "value"


def write(folder: Path) -> list[Path]:
    """Write one page per room, and one of the types that have no public name.

    Args:
        folder: where to; what is there already and unchanged keeps its date, so that Sphinx need
            not read it again.

    Returns:
        The pages, in the order of the contents.
    """
    folder.mkdir(parents=True, exist_ok=True)
    from building.mentioned import mentioned

    names = documented()
    others = mentioned()
    pages = {room: page(room, names[room]) for room in names} | {OTHERS: page_of_others(others)}
    kept = {*pages, *others, *(name.full for own in names.values() for name in own)}
    for old in folder.glob("*.rst"):
        if old.stem not in kept:  # of a name that there was once
            old.unlink()
    return [_write_changed(folder / f"{name}.rst", text) for name, text in pages.items()]


def page(room: str, names: list[Name]) -> str:
    """The page of one room.

    Args:
        room: its dotted name.
        names: what is described there.

    Returns:
        reStructuredText: the room's docstring, then a table for each kind of name, with a page for
            each name.
    """
    parts = [room, "=" * len(room), "", f".. automodule:: {room}", "   :no-members:", ""]
    titles = {"function": "Functions", "class": "Classes", "value": "Values"}
    for kind, title in titles.items():
        if chosen := [name.full for name in names if name.kind == kind]:
            parts += [
                title,
                "-" * len(title),
                "",
                ".. autosummary::",
                "   :toctree: .",
                "   :nosignatures:",
                "",
            ]
            parts += [f"   ~{full}" for full in chosen]
            parts += [""]
    inside = [name for name in rooms() if name.rpartition(".")[0] == room]
    others = [
        name
        for name in public(room)
        if f"{room}.{name}" not in {n.full for n in names} and f"{room}.{name}" not in inside
    ]
    if inside or others:
        parts += ["Also here", "---------", ""]
        parts += [f"- :py:mod:`{name}`" for name in inside]
        parts += [f"- ``{room}.{name}``: {_elsewhere(room, name)}" for name in others]
        parts += [""]
    return "\n".join(parts)


OTHERS = "other-types"
"""The page of types that have no public name."""


def page_of_others(names: list[str]) -> str:
    """The page of types that only stand in signatures.

    Args:
        names: dotted names of where they are defined.

    Returns:
        reStructuredText.
    """
    title = "Types in signatures"
    head = [
        title,
        "=" * len(title),
        "",
        "What results hold and arguments may be. Import them for annotations only: where they are",
        "defined may change.",
        "",
    ]
    return "\n".join(
        [
            *head,
            ".. autosummary::",
            "   :toctree: .",
            "   :nosignatures:",
            "",
            *(f"   ~{name}" for name in names),
            "",
        ]
    )


def _elsewhere(room: str, name: str) -> str:
    """A link to the page on which a name of two rooms is described."""
    value = getattr(import_module(room), name)
    if ismodule(value):
        return f":py:mod:`{value.__name__}`"
    homes = documented()
    home = next(
        n
        for names in homes.values()
        for n in names
        if getattr(import_module(n.room), n.name) is value
    )
    return f":py:obj:`{home.full}`"


def _write_changed(path: Path, text: str) -> Path:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return path
