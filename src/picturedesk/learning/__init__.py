"""How a desk is fitted: heads, cross-validation, the two recipes. Suggesting imports none of it."""
