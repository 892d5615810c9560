"""`fewslice serve` without the processes that do jobs, each of which loads PyTorch.

Run as `python -m tests.support.idle_server DIRECTORY ...`, for tests of what is saved and told.
"""

from __future__ import annotations

import sys
from unittest.mock import patch

from fewslice.cli.main import run
from fewslice.server.workers import Workers

if __name__ == "__main__":
    with patch.object(Workers, "start"):
        sys.exit(run(["serve", *sys.argv[1:]]))
