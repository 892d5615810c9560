"""Networks of others that map a scan and what is drawn on it (a prompt) to one structure."""
