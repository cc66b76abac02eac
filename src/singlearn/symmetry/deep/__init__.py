"""ReLU networks of any depth."""
