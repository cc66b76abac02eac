"""Blocks of code on the site."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^( {0,3}(`{3,}|~{3,})[^\n]*\n.*?)\n+( {0,3}\2)", re.M | re.S)


def trimmed(text: str) -> str:
    """Leave out the empty line that ends a doctest, which would be shown in its frame.

    Args:
        text: a Markdown page.

    Returns:
        The page for the site.

    >>> trimmed("```python\\n>>> 1\\n1\\n\\n```\\n\\ntext")
    '```python\\n>>> 1\\n1\\n```\\n\\ntext'
    """
    return _FENCE.sub(r"\1\n\3", text)
