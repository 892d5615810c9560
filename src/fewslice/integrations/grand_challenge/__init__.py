"""An algorithm of grand-challenge.org: what the platform lays out, what it wants back."""
