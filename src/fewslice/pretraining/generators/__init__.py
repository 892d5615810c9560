"""Synthetic volumes: random shapes, retinal layers, supervoxels, images from label maps."""
