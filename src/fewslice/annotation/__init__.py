"""From 3D to 2D and back: planes, annotated slices, regions, distances and working grids."""
