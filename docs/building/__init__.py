"""What turns these pages and the docstrings into a site; ``docs/conf.py`` puts it together."""
