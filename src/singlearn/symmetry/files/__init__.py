"""Networks in files: ``read_network`` and ``write_network`` choose the format by the name's
ending.
"""

from singlearn.symmetry.files.network_file import read_network, write_network

__all__ = ["read_network", "write_network"]
