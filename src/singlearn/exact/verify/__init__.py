"""The independent checker of certificates: no code in common with the search in
``exact/resolve``.
"""
