"""Networks whose gradient flow is understood, one kind a file."""
