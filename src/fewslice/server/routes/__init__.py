"""The routes: each parses a request, calls one function below, and encodes."""
