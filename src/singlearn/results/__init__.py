"""What every answer shares: a number with its error, cautions, tables, one JSON document.

Imports nothing of ours but what checks arguments.
"""

from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer, Measured, Pictured, Result, Tabled

__all__ = ["Answer", "Caution", "Estimate", "Measured", "Pictured", "Reason", "Result", "Tabled"]
