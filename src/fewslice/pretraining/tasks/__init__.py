"""From labelled volumes to episodes: tasks, a bank of them, and the loader."""
