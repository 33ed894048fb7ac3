"""Runs the service: ``python -m chart_service [--host HOST] [--port PORT]``."""

from __future__ import annotations

import sys

from chart_service.app import create_app
from webhook_api.serving import run_service

DEFAULT_PORT = 8090


def main() -> int:
    """Serve until interrupted. Returns the exit status."""
    return run_service("chart_service", "Charts, dashboards and the page for people.", DEFAULT_PORT, create_app)


if __name__ == "__main__":
    sys.exit(main())
