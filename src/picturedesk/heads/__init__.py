"""Trained maps into the shared space, in NumPy, and the matcher: a text encoder with its heads.

Does not train.
"""
