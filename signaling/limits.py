"""Rates: how much one client may send in how much time. Pure: time is an argument, in monotonic seconds.

What belongs to one connection is counted where the connection is. What belongs to a caller or a key, wherever it
connects, is counted in `call_limits.py`.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

from voice_agent.settings import ServerSettings

_DIGEST_BYTES = 16
_KEY_BYTES = 32
_IPV6_SUBSCRIBER_BITS = 64


class TokenBucket:
    """So much per second, and a burst above it.

    It may go into debt: `wait_s` always takes, and says for how long the client is to be kept waiting. `take` refuses.
    """

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate_per_s: float, burst: float, now: float) -> None:
        self._rate = rate_per_s
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Takes `amount` if it is there; whether it was."""
        self._refill(now)
        if amount > self._left:
            return False
        self._left -= amount
        return True

    def wait_s(self, amount: float, now: float) -> float:
        """Takes `amount` and returns the seconds until what was taken so far is paid for; 0 within the burst."""
        self._refill(now)
        self._left -= amount
        return max(0.0, -self._left / self._rate)

    def _refill(self, now: float) -> None:
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = max(self._at, now)


class ChannelRate:
    """Messages and their bytes on one channel, either of which may be too much."""

    def __init__(self, server: ServerSettings, now: float) -> None:
        self._messages = TokenBucket(server.events_per_s, server.event_burst, now)
        self._bytes = TokenBucket(server.event_bytes_per_s, server.event_burst_bytes, now)

    def wait_s(self, size: int, now: float) -> float:
        """For a channel that can be left unread: how long to do so after a message of `size` bytes."""
        return max(self._messages.wait_s(1, now), self._bytes.wait_s(size, now))

    def take(self, size: int, now: float) -> bool:
        """For a channel that cannot: whether the message is within the rate."""
        return self._messages.take(1, now) and self._bytes.take(size, now)


class RatePerAddress:
    """A bucket per client address, in memory, under a keyed digest of the address.

    `addresses` at most are remembered; the one unused for longest is forgotten first. An attacker with more addresses
    than that meets the limits on connections and calls.
    """

    def __init__(self, make_bucket: Callable[[float], TokenBucket], addresses: int) -> None:
        """`make_bucket(now)` makes a full one."""
        self._make_bucket = make_bucket
        self._addresses = addresses
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._buckets: OrderedDict[bytes, TokenBucket] = OrderedDict()

    def take(self, address: str, now: float) -> bool:
        """Counts one request; whether it is within the rate."""
        name = blake2b(address.encode(errors="replace"), key=self._key, digest_size=_DIGEST_BYTES).digest()
        bucket = self._buckets.pop(name, None) or self._make_bucket(now)
        self._buckets[name] = bucket
        if len(self._buckets) > self._addresses:
            self._buckets.popitem(last=False)
        return bucket.take(1, now)

    def __len__(self) -> int:
        return len(self._buckets)


def subscriber(address: str) -> str:
    """Whom to count an IP address for: an IPv6 subscriber has a /64 at least, and may use all of it.

    What is no address is returned as it is.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    network = int(parsed) >> (128 - _IPV6_SUBSCRIBER_BITS) << (128 - _IPV6_SUBSCRIBER_BITS)
    return f"{IPv6Address(network)}/{_IPV6_SUBSCRIBER_BITS}"
