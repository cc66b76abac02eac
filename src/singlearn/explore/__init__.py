"""See why a model is singular, in a browser: one HTML file without network requests, or a widget in a notebook."""

from singlearn.explore.page import page

__all__ = ["page"]
