"""The learned engine: a network that completes a structure from examples."""
