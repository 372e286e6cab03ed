"""Access to the TURN relay for one caller: short-lived credentials, so that nobody can go on using it for other things.

The scheme is that of coturn's `use-auth-secret`: the user name is "expiry:id" (Unix time in s), the password
base64(HMAC-SHA1(secret, user name)). The secret itself never leaves the server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from voice_agent.settings import ServerSettings

_ID_BYTES = 9


def relay_access(server: ServerSettings, now: float) -> dict[str, object]:
    """`ice_servers` as RTCPeerConnection takes them, and `ice_transport_policy` where the relay alone is to be used.

    Empty where no relay is configured. `now`: Unix time in s. The id is random: quotas of the relay count per caller.
    """
    urls = [url.strip() for url in server.turn_urls.split(",") if url.strip()]
    secret = server.turn_secret.get_secret_value()
    if not urls or not secret:
        return {}
    username = f"{int(now) + server.turn_ttl_s}:{secrets.token_urlsafe(_ID_BYTES)}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    credential = base64.b64encode(digest).decode()
    access: dict[str, object] = {"ice_servers": [{"urls": urls, "username": username, "credential": credential}]}
    if server.turn_relay_only:
        access["ice_transport_policy"] = "relay"
    return access
