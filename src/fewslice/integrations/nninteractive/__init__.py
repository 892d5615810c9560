"""nnInteractive's remote protocol, spoken by our engines: every client of it is one of ours."""
