"""What is checked before chains are run: the loss of a sample, its gradient, whether it feels the
parameters.
"""
