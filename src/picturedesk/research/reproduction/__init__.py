"""The paper's tables and figure on any archive, with baselines, intervals and checks."""
