"""The stored parts of a desk: level features, archive memory, held-out texts, catalogue.

Knows neither routes nor learning.
"""
