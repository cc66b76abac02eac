"""Heat and cool: adaptive tempered sequential Monte Carlo, and the run it leaves."""

from singlearn.phases.restriction import PhaseTooSmallError
from singlearn.tempering.anneal import NoFiniteEnergyError
from singlearn.tempering.local_gold import LocalGold, local_gold
from singlearn.tempering.run import Run
from singlearn.tempering.rungs import Rungs
from singlearn.tempering.temper import temper
from singlearn.tempering.temper_from import RunFrom, temper_from

__all__ = [
    "LocalGold",
    "NoFiniteEnergyError",
    "PhaseTooSmallError",
    "Run",
    "RunFrom",
    "Rungs",
    "local_gold",
    "temper",
    "temper_from",
]
