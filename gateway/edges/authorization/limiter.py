"""Wrong tokens, codes and secrets are counted, and whoever sends too many must wait.

What is right always passes, whoever else sends wrong ones from the same address: it is looked at first, and only then
counted. Something that was good once (an expired token) counts against its own beginning alone, so that a client behind
a shared address still gets the `invalid_token` on which it refreshes (v2.md §1.4).
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from cachetools import TTLCache

from gateway.errors import WrongTooOften
from gateway.messages import Pairs

WINDOW = 60.0
BEGINNING = 8
"""Characters of a token that are counted as one."""
SIZE = 20_000
"""Addresses and beginnings that are remembered; beyond, the least recent is forgotten."""


class WrongTokens:
    """Counts what is wrong by address and by the beginning of what was sent: `per_minute` of each are answered.

    `address_header` names the header in which our own proxy writes the client's address; `clock` gives seconds.
    """

    def __init__(
        self, per_minute: int, *, clock: Callable[[], float], address_header: str | None = None, size: int = SIZE
    ) -> None:
        self._most = per_minute
        self._clock = clock
        self._header = address_header.lower() if address_header else None
        self._key = os.urandom(16)
        self._windows: TTLCache[bytes, list[float]] = TTLCache(size, WINDOW, timer=clock)

    def peer(self, remote: str | None, headers: Pairs) -> str:
        """Who calls: the address in our proxy's header where one is named, else the connection's.

        Of several addresses the last counts, which our own proxy wrote; of an IPv6 address its network.
        """
        said = [value for name, value in headers if name.lower() == self._header] if self._header else []
        for text in (said[-1].rpartition(",")[2].strip() if said else "", remote or ""):
            try:
                address = ip_address(text)
            except ValueError:
                continue
            if isinstance(address, IPv6Address):
                return str(address.ipv4_mapped or ip_network((int(address), 64), strict=False))
            return str(address)
        return ""

    def count(self, peer: str | None, presented: str | None = None) -> None:
        """Counts something wrong that was presented, against its beginning and the address; None: not against that.

        Raises WrongTooOften, with the seconds to wait, for one too many.
        """
        now = self._clock()
        beginning = None if presented is None else presented[:BEGINNING]
        given = (("beginning", beginning), ("address", peer))
        keys = [self._hashed(kind, text) for kind, text in given if text is not None]
        wait = 0.0
        for key in keys:
            # In place: a new entry would begin its minute anew.
            window = self._windows.setdefault(key, [now, 0])
            window[1] += 1
            if window[1] > self._most:
                wait = max(wait, window[0] + WINDOW - now)
        if wait:
            raise WrongTooOften("Too many wrong tokens; try again later", max(1, math.ceil(wait)))

    def _hashed(self, kind: str, text: str) -> bytes:
        """What is remembered of it: not the beginning of a secret, nor an address."""
        message = f"{kind}|{text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(message, digest_size=16, key=self._key).digest()
