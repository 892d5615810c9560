"""`python -m fewslice`, for where the command itself is not on the path."""

from fewslice.cli.main import main

if __name__ == "__main__":
    main()
