"""JAX networks as targets of local sampling."""
