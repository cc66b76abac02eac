"""Divergences K of models as exact functions: ReLU networks, charts of true sets, worked
examples.
"""
