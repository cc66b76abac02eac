"""Single-line mutations of lines that carry a promise, and whether the tests of their room notice.

``python -m tests.mutants`` runs all; ``--sample 6 --seed 1`` a few; ``--room exact/check`` those
whose file contains this.
"""
