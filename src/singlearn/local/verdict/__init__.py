"""What chains say about λ: mixing, minimum, γ, and the verdict."""
