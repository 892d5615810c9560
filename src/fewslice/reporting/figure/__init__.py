"""The picture of a segmentation."""
