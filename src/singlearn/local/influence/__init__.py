"""Losses per sample along chains, and the influence of samples on one another."""
