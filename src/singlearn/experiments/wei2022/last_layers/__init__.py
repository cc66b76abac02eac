"""Section 5 of Wei et al. [wei2022deep]_: Bayes, Laplace and MAP in the last layers of small ReLU
networks.
"""
