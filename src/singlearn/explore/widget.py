"""The explorer as an anywidget, where anywidget is installed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from singlearn.explore.page import module, style


def make_widget(states: Mapping[str, Mapping[str, Any]], scene: str) -> Any:
    """A new widget with these states, or ``None`` where anywidget is not installed."""
    try:
        kind = _widget_class()
    except ImportError:
        return None
    return kind(states=dict(states), scene=scene)


@cache
def _widget_class() -> Any:
    """The class is made when it is first needed: neither anywidget nor traitlets is a
    dependency.
    """
    import anywidget
    import traitlets

    class ExplorerWidget(anywidget.AnyWidget):
        """Scenes drawn in the notebook; ``states`` follows what is done in them."""

        _esm = module("widget.mjs") + "export default { render };\n"
        _css = style()
        states = traitlets.Dict().tag(sync=True)
        scene = traitlets.Unicode("").tag(sync=True)
        heading = traitlets.Unicode("").tag(sync=True)

    return ExplorerWidget
