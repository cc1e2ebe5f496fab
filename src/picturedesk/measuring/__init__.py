"""From scores to figures: metrics, tables, paired tests, calibration, TREC files.

Knows arrays, neither texts nor pictures.
"""
