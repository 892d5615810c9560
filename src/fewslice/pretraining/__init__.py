"""Training: synthetic volumes, tasks made of them, and what learns from tasks."""
