"""An application behind a real socket of this computer, for as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI


@contextmanager
def listening(app: FastAPI, lifespan: str = "auto") -> Iterator[str]:
    """Serve an application and yield its address. lifespan: "off" where a test started it."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
    config.lifespan = "off" if lifespan == "off" else "auto"
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
