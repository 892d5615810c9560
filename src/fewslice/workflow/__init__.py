"""What people do with fewslice, one function each; command line and evaluation call these."""
