"""Evaluation: simulated annotators, every engine on fully labelled data, tables and plots.

``run.evaluate`` is the way in. A simulated annotator reveals a few slices of each structure, every
engine completes them, and the answer is scored on the slices that were not revealed.
"""
