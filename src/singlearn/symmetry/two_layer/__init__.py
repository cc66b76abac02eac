"""Networks with one hidden ReLU layer: kink form, equivalence, width, rank, moves."""
