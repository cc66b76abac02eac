"""The zeta function of a divergence whose variables separate: continued numerically, with every
pole.
"""
