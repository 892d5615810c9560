"""Optical coherence tomography as its devices store it."""
