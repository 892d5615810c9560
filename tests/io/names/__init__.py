"""Tests of names of structures from files beside labels."""
