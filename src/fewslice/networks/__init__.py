"""Networks: pure modules from tensors to tensors. They know nothing of scans, files or people."""
