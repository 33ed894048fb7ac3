"""Ten thousand events as quickly as the handler takes them, over connections that stay open."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

PATH = "/api/v1/webhooks/bitrix"


@dataclass(slots=True)
class Burst:
    """What became of the events. ``seconds`` are those of each accepted one; ``refused`` those not accepted."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int | str] = field(default_factory=Counter)
    refused: list[tuple[str, int]] = field(default_factory=list)
    took: float = 0.0

    def percentile(self, share: float) -> float:
        """Seconds within which that share of the accepted events was answered."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]

    def __str__(self) -> str:
        shown = ", ".join(f"{name} {1000 * self.percentile(share):.1f} ms" for name, share in _SHARES)
        rate = sum(self.statuses.values()) / self.took
        return f"{dict(self.statuses)} in {self.took:.1f} s ({rate:.0f} a second); accepted: {shown}"


_SHARES = (("median", 0.5), ("p95", 0.95), ("p99", 0.99), ("longest", 1.0))


def body_of(entity: str, number: int, change: str, token: str) -> bytes:
    """What Bitrix24 posts."""
    pairs = {
        "event": f"ONCRM{entity.upper()}{change}",
        "event_handler_id": "201",
        "data[FIELDS][ID]": str(number),
        "ts": str(int(time.time())),
        "auth[domain]": "some-domain.bitrix24.com",
        "auth[client_endpoint]": "https://some-domain.bitrix24.com/rest/",
        "auth[server_endpoint]": "https://oauth.bitrix24.tech/rest/",
        "auth[member_id]": "a223c6b3710f85df22e9377d6c4f7553",
        "auth[application_token]": token,
    }
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs.items()).encode()


async def burst(base_url: str, events: Sequence[tuple[str, int]], *, connections: int, token: str = "") -> Burst:
    """Post an UPDATE for each (entity, id), so many at a time. What is refused is not posted again."""
    result = Burst()
    waiting = list(reversed(events))
    parts = urlsplit(base_url)

    async def worker() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while waiting:
            entity, number = waiting.pop()
            body = body_of(entity, number, "UPDATE", token)
            head = f"POST {PATH} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n"
            head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
            begun = time.perf_counter()
            writer.write(head.encode() + body)
            status = await _status(reader)
            if status == 200:
                result.seconds.append(time.perf_counter() - begun)
            else:
                result.refused.append((entity, number))
            result.statuses[status] += 1
        writer.close()
        await writer.wait_closed()

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    result.took = time.perf_counter() - begun
    return result


async def _status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(line.partition(":")[2] for line in head.splitlines() if line.lower().startswith("content-length"))
    await reader.readexactly(int(length))
    return int(head.split(" ", 2)[1])
