"""Strategies that rank slices and scans, one a module, all behind one protocol."""
