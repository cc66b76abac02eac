"""Singular learning theory: learning coefficients, free energies and phases, with errors that were measured."""
