"""Heat and cool: adaptive tempered sequential Monte Carlo, and the run it leaves."""

from singlearn.tempering.anneal import NoFiniteEnergy
from singlearn.tempering.run import Run
from singlearn.tempering.rungs import Rungs
from singlearn.tempering.verb import temper

__all__ = ["NoFiniteEnergy", "Run", "Rungs", "temper"]
