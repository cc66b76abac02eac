"""Experiments of this library: staircases, condensation, selection, learning curves."""
