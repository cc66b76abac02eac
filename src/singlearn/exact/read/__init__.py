"""What is written by a person becomes a polynomial: expressions, inputs, priors, and how large they
may get.
"""
