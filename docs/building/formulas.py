"""MathJax beside the pages, so that formulas are drawn without a network.

One file, ``tex-svg-full.js``: it needs no fonts and loads nothing, which browsers would refuse to
pages from ``file://``. It is taken from the package sphinx-mathjax-offline, which holds MathJax
3.2.2, the last of version 3.
"""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path

SCRIPT = "tex-svg-full.js"
_PACKAGE = "sphinx-mathjax-offline"


def copy_script(folder: Path) -> Path:
    """Copy MathJax.

    Args:
        folder: where to.

    Returns:
        Path of the copy.

    Raises:
        FileNotFoundError: the package has no such file.
    """
    source = Path(str(distribution(_PACKAGE).locate_file(f"{_PACKAGE}/static/mathjax/{SCRIPT}")))
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(source, folder / SCRIPT))
