"""Published figures on trained networks, each small enough for a laptop, one per file."""
