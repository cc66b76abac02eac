"""What a user did that cannot be done."""


class RefusalError(ValueError):
    """One sentence: the argument, what it was, what it should be; printed, and exit status 2."""
