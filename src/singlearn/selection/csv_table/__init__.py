"""Reading a table of numbers from a CSV file: understood, or refused with the line and the option
that decides. Imports no JAX.
"""

from singlearn.selection.csv_table.dialect import Dialect
from singlearn.selection.csv_table.table import Table, read_csv

__all__ = ["Dialect", "Table", "read_csv"]
