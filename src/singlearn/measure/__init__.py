"""Numbers read off a ladder of tempered populations. Everything here takes arrays and returns
numbers with errors.
"""
