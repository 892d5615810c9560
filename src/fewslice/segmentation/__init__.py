"""From an engine's probabilities back to the scan's grid: labels, uncertainty, confidence."""
