"""The annotation server: routes over a project, and the processes that do the long work."""
