"""``python -m cli.answers URL``: whether a service answers; the health check of containers, which have no curl.

Only the standard library: it runs every few seconds.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

SECONDS = 5.0


def answers(url: str, seconds: float = SECONDS) -> str | None:
    """None if a GET of ``url`` is answered with a status of success within ``seconds``; else why not, in one line."""
    if not url.startswith(("http://", "https://")):
        return f"{url} is not an address like http://127.0.0.1:8080/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy is not for the own container
    try:
        with opener.open(url, timeout=seconds):
            return None
    except urllib.error.HTTPError as error:
        return f"{url} answers status {error.code}"
    except (urllib.error.URLError, OSError) as error:
        return f"{url} does not answer ({getattr(error, 'reason', error)})"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m cli.answers URL")
    sys.exit(answers(sys.argv[1]))
