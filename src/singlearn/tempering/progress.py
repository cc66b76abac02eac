"""A progress bar that knows where on the ladder it is."""

from __future__ import annotations

import math
import time

from singlearn.running.progress import Progress, ProgressBar
from singlearn.tempering.rungs import Rung


class LadderProgress(ProgressBar):
    """Shows what is compiled, then rung, β, acceptance and the time left.

    The time left assumes that the coming decades of β take as long, each, as the last ones did.
    """

    def __init__(self, name: str, beta_max: float, visible: Progress = None) -> None:
        super().__init__(name, "compiling, then sampling the prior", visible)
        self._beta_max = beta_max
        self._history: list[tuple[float, float]] = []

    def rung(self, index: int, rung: Rung) -> None:
        """Report a finished rung."""
        beta = rung.inverse_temperature
        if beta == 0:
            self.show(0.0, "compiling the moves, then the first β")
            return
        self._history.append((math.log(beta), time.monotonic()))
        recent = self._history[-12:]
        left = ""
        done = 0.0
        if len(recent) > 1 and recent[-1][0] > recent[0][0]:
            to_go = math.log(self._beta_max) - recent[-1][0]
            pace = (recent[-1][1] - recent[0][1]) / (recent[-1][0] - recent[0][0])
            left = f"  about {pace * to_go:.0f} s left"
            done = (recent[-1][0] - self._history[0][0]) / max(
                math.log(self._beta_max) - self._history[0][0], 1e-12
            )
        words = (
            f"rung {index}  β = {beta:.2e}  accepted {rung.acceptance:.0%}  "
            f"moves {rung.moves}{left}"
        )
        self.show(done, words)
