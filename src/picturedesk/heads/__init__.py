"""Trained maps into the shared space, in NumPy, and the matcher that binds them to a text encoder.

Knows nothing of training.
"""
