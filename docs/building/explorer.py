"""The explorer on its page: a comment in ``explore.md`` becomes a frame that shows the file written
beside it.
"""

from __future__ import annotations

from pathlib import Path

MARK = "<!-- explorer -->"
FILE = "_static/explorer.html"
_FRAME = f"""```{{raw}} html
<iframe src="{FILE}" title="The explorer" class="explorer" loading="lazy"></iframe>
<p><a href="{FILE}">Open the explorer in a window of its own.</a></p>
```"""


def framed(text: str) -> str:
    """Put the frame where the page has its mark.

    Args:
        text: the page.

    Returns:
        The page for the site.

    Raises:
        ValueError: there is no mark.
    """
    if MARK not in text:
        raise ValueError(
            f"explore.md: it should have the comment {MARK}, where the explorer is shown"
        )
    return text.replace(MARK, _FRAME)


def write(site: Path) -> Path:
    """Write the explorer as ``singlearn explore`` does.

    Args:
        site: folder of the built pages.

    Returns:
        Path of the file.
    """
    from singlearn.explore import explore

    path = site / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    return explore().save(path)
