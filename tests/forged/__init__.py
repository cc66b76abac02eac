"""Dishonest certificates, and a harness that shows of every guard of the checker that one of them
needs it.

``python -m tests.forged`` prints the table; ``python -m tests.forged.make`` writes the certificates
again.
"""
