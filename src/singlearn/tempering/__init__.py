"""Heat and cool: adaptive tempered sequential Monte Carlo, and the run it leaves."""

from singlearn.tempering.anneal import NoFiniteEnergy
from singlearn.tempering.local_run import LocalRun, local_run
from singlearn.tempering.restriction import PhaseTooSmall
from singlearn.tempering.run import Run
from singlearn.tempering.rungs import Rungs
from singlearn.tempering.verb import temper

__all__ = ["LocalRun", "NoFiniteEnergy", "PhaseTooSmall", "Run", "Rungs", "local_run", "temper"]
