"""Figures and tables of Wei et al. 2022, "Deep learning is singular, and that's good"
[wei2022deep]_.
"""
