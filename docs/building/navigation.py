"""The side bar: sections of ``index.md``, and inside the reference its rooms.

The theme's own would gather all five hundred pages for each of them, which takes six minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from building import api_pages, contents


@dataclass(frozen=True)
class Entry:
    """A line of the side bar.

    Args:
        page: its name.
        title: what is shown.
        here: whether it is the page that is shown, or the one shown belongs to it.
        inside: lines under it.
    """

    page: str
    title: str
    here: bool
    inside: tuple[Entry, ...] = ()


def entries(
    titles: dict[str, Any], index: str, shown: str, last: list[str]
) -> list[tuple[str, list[Entry]]]:
    """The side bar of a page.

    Args:
        titles: of every page, as Sphinx keeps them.
        index: text of ``index.md``.
        shown: name of the page.
        last: pages that only the site has, at the end of the last section.

    Returns:
        Sections: caption and lines.
    """
    sections = contents.sections(index)
    sections[next(reversed(sections))] += last
    in_reference = shown == "api" or shown.startswith(f"{api_pages.FOLDER}/")
    answer = []
    for caption, pages in sections.items():
        lines = []
        for page in pages:
            is_open = page == "api" and in_reference
            lines.append(
                Entry(
                    page,
                    _title(titles, page),
                    page == shown,
                    _rooms(titles, shown) if is_open else (),
                )
            )
        answer.append((caption, lines))
    return answer


def _rooms(titles: dict[str, Any], shown: str) -> tuple[Entry, ...]:
    pages = [f"{api_pages.FOLDER}/{room}" for room in [*api_pages.rooms(), api_pages.OTHERS]]
    return tuple(
        Entry(page, _title(titles, page), page == shown or page == shown.rpartition(".")[0])
        for page in pages
        if page in titles
    )


def _title(titles: dict[str, Any], page: str) -> str:
    title: str = titles[page].astext()
    return title.partition(": ")[0]  # what a page is about; after the colon it says more
