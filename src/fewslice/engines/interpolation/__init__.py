"""Shape-based interpolation: signed distances of the outlines, intensities unseen."""
