"""Which slice to annotate next in this volume, and whether that is needed at all."""
