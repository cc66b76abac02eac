"""What long work shares: its arguments, and the identity of what it was made of. Imports nothing of ours."""
