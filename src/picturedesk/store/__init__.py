"""What a desk keeps: level features, the archive in the shared space, the catalogue.

Knows nothing of routes or of how anything is learned.
"""
