"""The command line: parse, call, print. Nothing heavy is imported before a command runs."""

from singlearn.cli.main import main

__all__ = ["main"]
