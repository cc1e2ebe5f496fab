"""Trains networks with gradients: two towers, word detectors. Needs torch, imported when called.

What is trained comes back as NumPy heads. Knows arrays and links; no texts, pictures or desks.
"""
