"""Local learning coefficients along training: checkpoints, their points, straight pieces."""
