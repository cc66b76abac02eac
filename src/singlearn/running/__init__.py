"""What long work shares: its arguments, the identity of what it was made of, and files and folders
that several may use.

Imports nothing of ours.
"""
