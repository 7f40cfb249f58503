"""Where a model endpoint is, and whether that is this machine."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from storage.errors import EndpointRefused, UsageError

OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, kw_only=True)
class Address:
    """A checked base URL. Only `host` is ever stored or shown: the rest may hold keys."""

    url: str
    host: str
    is_loopback: bool

    @property
    def is_openai(self) -> bool:
        return self.host == "api.openai.com"


def find_address(base_url: str | None, *, local_only: bool) -> Address:
    """Check a base URL; None is OpenAI's.

    Raises:
        UsageError: it is no http(s) address, or has a name and password in it.
        EndpointRefused: --local-only, and it is not on this machine.
    """
    url = (base_url or OPENAI).strip()
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:-]+", host):
        raise UsageError("--base-url is no address of an endpoint; give one such as http://localhost:11434/v1")
    if parts.username is not None:
        raise UsageError(f"--base-url for {host} has a name or key in it; leave it out and set OPENAI_API_KEY instead")
    address = Address(url=url, host=host, is_loopback=_is_loopback(host))
    if local_only and not address.is_loopback:
        raise EndpointRefused(f"{host} is not on this machine and --local-only is set; give a --base-url on localhost")
    return address


def _is_loopback(host: str) -> bool:
    """Loopback addresses, and localhost if it resolves to nothing else. Any other name could be made to point
    elsewhere between this check and the connection."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    if host != "localhost":
        return False
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(address).is_loopback for address in found)
