"""Runs the service: ``python -m webhook_api [--host HOST] [--port PORT]``."""

from __future__ import annotations

import sys

from webhook_api.app import create_app
from webhook_api.serving import run_service

DEFAULT_PORT = 8080


def main() -> int:
    """Serve until interrupted. Returns the exit status."""
    return run_service("webhook_api", "The control and webhook API.", DEFAULT_PORT, create_app)


if __name__ == "__main__":
    sys.exit(main())
