"""Networks made of floats: the exact network nearby, and what is true of it."""
