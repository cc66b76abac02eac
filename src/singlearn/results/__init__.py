"""What every answer shares. Imports nothing of ours."""
