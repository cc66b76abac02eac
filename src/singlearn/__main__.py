"""``python -m singlearn``, where the command is not on the path."""

from singlearn.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
