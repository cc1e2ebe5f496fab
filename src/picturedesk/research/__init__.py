"""For researchers: the paper's tables on any data set, baselines, and which levels to read."""
