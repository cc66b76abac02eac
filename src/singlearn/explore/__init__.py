"""See why a model is singular, in a browser: one HTML file without network requests, or a widget in
a notebook.

The room is also its main function: ``singlearn.explore(net)`` is :func:`singlearn.explore.explore`.
"""

import sys
from types import ModuleType
from typing import Any

from singlearn.explore.explorer import Explorer, explore
from singlearn.explore.page import page

__all__ = ["Explorer", "explore", "page"]


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Explorer:
        return explore(*arguments, **options)


# Importing the package puts it into singlearn under its own name, where users write
# sl.explore(net).
sys.modules[__name__].__class__ = _Room
