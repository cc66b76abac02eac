"""The contents of the site are the links of ``index.md``: what people read on GitHub and what
Sphinx shows is one list.
"""

from __future__ import annotations

import re

_SECTION = re.compile(r"^## (.+)$", re.M)
_LINK = re.compile(r"\]\(([\w-]+)\.md\)")


def sections(index: str) -> dict[str, list[str]]:
    """Pages by heading, in the order of their first link.

    Args:
        index: text of ``index.md``.

    Returns:
        Names of pages without ``.md``, by the heading under which they stand.

    >>> sections("## Start\\n[First](one.md)\\n## More\\n[Second](two.md), [again](one.md)")
    {'Start': ['one'], 'More': ['two']}
    """
    parts = _SECTION.split(index)
    seen: set[str] = set()
    answer: dict[str, list[str]] = {}
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        names = [name for name in dict.fromkeys(_LINK.findall(text)) if name not in seen]
        seen.update(names)
        if names:
            answer[title.strip()] = names
    return answer


def toctrees(index: str, last: list[str]) -> str:
    """Hidden tables of contents for the side bar.

    Args:
        index: text of ``index.md``.
        last: pages that only the site has, added to the last section.

    Returns:
        MyST to append to it.
    """
    found = sections(index)
    found[next(reversed(found))] += last
    return "\n".join(toctree(pages, caption=title) for title, pages in found.items())


def toctree(pages: list[str], *, caption: str | None = None) -> str:
    """One hidden table of contents.

    Args:
        pages: names without suffix.
        caption: its heading in the side bar.

    Returns:
        MyST.
    """
    title = [f":caption: {caption}"] if caption else []
    return "\n".join(["", "```{toctree}", ":hidden:", *title, "", *pages, "```", ""])
