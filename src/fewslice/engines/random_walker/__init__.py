"""Random walker with priors: outlines and intensities on one graph."""
