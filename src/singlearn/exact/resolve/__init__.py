"""The search for a resolution, and the proof that it writes."""
