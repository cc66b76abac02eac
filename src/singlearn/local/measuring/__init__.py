"""What is measured around w*, with or without chains, before a verdict is given."""
