"""Gradient flow: what it keeps, and how much."""

from singlearn.flow.architecture import Architecture
from singlearn.flow.count import Count, count
from singlearn.flow.law import Law
from singlearn.flow.polynomial_laws import PolynomialLaw, PolynomialLaws, polynomial_laws

__all__ = ["Architecture", "Count", "Law", "PolynomialLaw", "PolynomialLaws", "count", "polynomial_laws"]
