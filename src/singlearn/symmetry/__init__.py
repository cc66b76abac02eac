"""What leaves a network's function unchanged. Imports neither JAX nor PyTorch."""
