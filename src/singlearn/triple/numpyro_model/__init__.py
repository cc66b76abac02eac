"""A NumPyro model, understood as NumPyro means it or refused by the name of the site."""

from singlearn.triple.numpyro_model.read import read_model

__all__ = ["read_model"]
