"""A server that speaks nnInteractive's protocol, asked as an engine."""
