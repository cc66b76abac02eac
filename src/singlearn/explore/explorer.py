"""The explorer at a prompt, in a notebook, and as a file."""

from __future__ import annotations

import html
import tempfile
import webbrowser
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from singlearn.explore.network import Openable, network_state, two_layer
from singlearn.explore.page import page, scenes
from singlearn.explore.widget import make_widget
from singlearn.running.whole_files import write_whole
from singlearn.symmetry import TwoLayerReLU, from_parameters

FRAME_HEIGHT = 900


class Explorer:
    """What :func:`explore` returns: a widget in a notebook that has anywidget, an iframe in others,
    a page that is opened or saved.

    Args:
        states: settings of scenes that differ from their defaults.
        scene: id of the scene in front.
    """

    def __init__(self, states: Mapping[str, Mapping[str, Any]], scene: str) -> None:
        self.states = {name: dict(state) for name, state in states.items()}
        self.scene = scene

    @property
    def html(self) -> str:
        """The page: one file without a reference to anything outside it."""
        return page(self.states, scene=self.scene)

    @cached_property
    def widget(self) -> Any:
        """The anywidget, or ``None`` where anywidget is not installed."""
        return make_widget(self.states, self.scene)

    @property
    def net(self) -> TwoLayerReLU | None:
        """The network as it stands: in a notebook with anywidget what the hand has made of it;
        ``None`` if none was opened or touched.
        """
        states = self.states if self.__dict__.get("widget") is None else self.widget.states
        found = states.get("network", {}).get("net")
        return None if found is None else from_parameters(found)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that opens in any browser, without a server and without a
        network.

        Returns:
            The file that was written.

        Raises:
            OSError: it cannot be written.
        """
        path = Path(path)
        write_whole(path, self.html.encode())
        return path

    def open(self, path: str | Path | None = None) -> Path:
        """Save the page, in a temporary folder if no path is given, and show it in the browser.
        Returns where it is.

        Returns:
            The file that is shown.
        """
        where = self.save(
            Path(tempfile.mkdtemp(prefix="singlearn-")) / "explore.html" if path is None else path
        )
        webbrowser.open(where.resolve().as_uri())
        return where

    def __repr__(self) -> str:
        return (
            f"Explorer(scene={self.scene!r}); .open() shows it in a browser, .save(path) writes it "
            f"to a file"
        )

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if self.widget is not None:
            return self.widget._repr_mimebundle_(**options)
        frame = (
            f'<iframe srcdoc="{html.escape(self.html)}" title="singlearn explore" '
            f'sandbox="allow-scripts allow-downloads" '
            f'style="width: 100%; height: {FRAME_HEIGHT}px; border: 0"></iframe>'
        )
        return {"text/html": frame, "text/plain": repr(self)}


def explore(net: Openable | None = None, *, scene: str | None = None) -> Explorer:
    """An interactive page that shows why a model is singular: function, fibre, posterior, K and λ
    side by side.

    Args:
        net: a two-layer ReLU network with one output, one or two inputs and up to eight nodes, a
            parameter of ``singlearn.models.two_layer``, or the path of a file; an example if not
            given.
        scene: id of the scene to begin with; "network" if not given.

    Returns:
        An :class:`Explorer`: shown by itself in a notebook, opened in a browser by ``.open()``,
        written to a file by ``.save(path)``.

    Raises:
        ValueError: a network that the explorer cannot draw, or a scene it does not have.
        FileNotFoundError: no such file.

    >>> from singlearn.symmetry import TwoLayerReLU
    >>> shown = explore(TwoLayerReLU([[1], [-1]], [0, 0], [1, 1], 0))
    >>> shown
    Explorer(scene='network'); .open() shows it in a browser, .save(path) writes it to a file
    >>> shown.net.width, "src=" in shown.html.split("<script")[0]
    (2, False)
    """
    known = scenes()
    if scene is not None and scene not in known:
        raise ValueError(f"scene: got {scene!r}; it should be one of {', '.join(known)}")
    states = {} if net is None else {"network": network_state(two_layer(net))}
    return Explorer(states, known[0] if scene is None else scene)
