"""Chains near w*: targets, Langevin and Hamiltonian moves, step sizes."""
