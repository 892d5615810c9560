"""How a server is run: what `fewslice serve` was told."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address


@dataclass(frozen=True)
class Settings:
    """How a server is run.

    host: the address it listens on. names: what it may be called in a Host header, besides that;
    with accounts, none means any. largest_body: of a request, in bytes; largest_upload: of one of a
    tool, which sends whole scans. work: whether jobs are done
    by processes of this server. session_days: how long a person stays logged in. tools: path below
    which tools such as 3D Slicer ask; "" for none. origins: pages elsewhere that may ask there,
    such as a viewer in the browser.
    """

    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    largest_body: int = 32 * 1024 * 1024
    largest_upload: int = 1024 * 1024 * 1024
    work: bool = True
    session_days: float = 14.0
    tools: str = ""
    origins: tuple[str, ...] = ()

    def largest(self, path: str) -> int:
        """Return how many bytes a request to a path may have."""
        tool = bool(self.tools) and path.startswith(self.tools)
        return self.largest_upload if tool else self.largest_body

    @property
    def loopback(self) -> bool:
        """Whether only this computer can reach the server."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this computer and no other can reach it."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
