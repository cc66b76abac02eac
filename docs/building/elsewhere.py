"""Links to other projects without a network: ``elsewhere.txt`` names what these pages mention of
them.

Sphinx would fetch the inventory of every project at each build, and fail where there is no network.
The few dozen names that are used are kept here instead, so that a build is the same everywhere, and
a name that is neither ours nor in the list is an error.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Project:
    """Another project.

    Args:
        name: how Sphinx calls it.
        address: where its pages are.
        lines: of the inventory: name, domain and role, priority, page, title.
    """

    name: str
    address: str
    lines: tuple[str, ...]

    def inventory(self) -> bytes:
        """The list in Sphinx's format, version 2."""
        head = (
            f"# Sphinx inventory version 2\n# Project: {self.name}\n# Version: \n"
            "# The remainder of this file is compressed using zlib.\n"
        )
        return head.encode() + zlib.compress("".join(f"{line}\n" for line in self.lines).encode())


def projects(text: str) -> list[Project]:
    """Read ``elsewhere.txt``.

    Args:
        text: ``[name] address`` begins a project; then a line for each name: dotted name, role,
            page. ``$`` in a page is the dotted name.

    Returns:
        The projects, in their order.

    Raises:
        ValueError: a line that is neither.

    >>> projects("[numpy] https://numpy.org/\\nnumpy.ndarray class array/$.html#$")[0].lines
    ('numpy.ndarray py:class 1 array/numpy.ndarray.html#numpy.ndarray -',)
    """
    answer: list[Project] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition(" # ")[0].strip()
        if not line or line.startswith("# "):
            continue
        words = line.split()
        if line.startswith("[") and len(words) == 2:
            answer.append(Project(words[0].strip("[]"), words[1], ()))
        elif len(words) == 3 and answer:
            last = answer.pop()
            entry = f"{words[0]} py:{words[1]} 1 {words[2].replace('$', words[0])} -"
            answer.append(Project(last.name, last.address, (*last.lines, entry)))
        else:
            raise ValueError(
                f"elsewhere.txt, line {number}: got {raw!r}; it should be “[project] address” or "
                "“name role page”"
            )
    return answer


def mapping(listed: Path, folder: Path) -> dict[str, tuple[str, str]]:
    """Write the inventories and say where they are.

    Args:
        listed: path of ``elsewhere.txt``.
        folder: where the inventories are written.

    Returns:
        ``intersphinx_mapping``: it names local files only, so that nothing is fetched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    answer = {}
    for project in projects(listed.read_text(encoding="utf-8")):
        path = folder / f"{project.name}.inv"
        if not path.is_file() or path.read_bytes() != project.inventory():
            path.write_bytes(project.inventory())
        answer[project.name] = (project.address, str(path))
    return answer
