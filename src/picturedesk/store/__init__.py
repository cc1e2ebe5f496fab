"""What a desk stores: level features, the archive in the shared space, the catalogue.

Knows nothing of routes or of learning.
"""
