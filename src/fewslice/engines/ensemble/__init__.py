"""Interpolation, random walker and network together: what `auto` is."""
