"""The loop that trains the shipped network: settings, loss, validation, checkpoints."""
