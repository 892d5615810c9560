"""Names and colours of structures from files beside label maps."""
