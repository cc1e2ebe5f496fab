"""For researchers: the paper's tables on any data set, baselines, and the level adviser."""
