"""Random changes of images that training learns to see through."""
