"""What to ask next: strategies that rank slices and scans by what annotating them is worth."""
