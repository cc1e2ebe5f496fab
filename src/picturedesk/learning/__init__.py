"""Fitting: heads, cross-validation, the two recipes. Suggesting imports none of it."""
