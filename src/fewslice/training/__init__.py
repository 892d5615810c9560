"""A model of one's own task, learned from sparse slices of several scans."""
