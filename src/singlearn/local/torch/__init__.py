"""PyTorch modules as targets of local sampling. Nothing outside this folder imports torch at its
head.
"""
