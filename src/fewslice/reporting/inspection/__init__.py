"""What is in a scan and its labels, and what looks wrong."""
