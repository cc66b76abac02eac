"""All parameters of one width that compute one function: cells, components, strata, paths,
samples.
"""
