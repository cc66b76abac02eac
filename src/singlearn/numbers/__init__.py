"""Exact numbers: rationals, linear algebra and linear programs over them. Imports nothing of
ours.
"""
