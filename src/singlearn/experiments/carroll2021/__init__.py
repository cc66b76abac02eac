"""Figures and tables of Carroll 2021, "Phase transitions in neural networks"
[carroll2021phase]_.
"""
