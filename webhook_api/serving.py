"""How a service of ours is run: settings, who may reach it, uvicorn."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable

import structlog
import uvicorn
from fastapi import FastAPI

from bitrix.webhook_url import is_loopback
from warehouse.database import Database, DatabaseError, open_database
from warehouse.settings import Settings, SettingsError, load_settings
from webhook_api.auth import auth_mode

STOP_SECONDS = 5
"""How long requests that are being answered may take when the service is told to stop."""


def check_host(settings: Settings, host: str) -> None:
    """Raise ``SettingsError`` when the service would answer other machines without anybody signing in."""
    if auth_mode(settings) == "off" and not settings.allow_anonymous and not is_loopback(host):
        raise SettingsError(
            f"Refusing to listen on {host} without sign-in. Set SUPABASE_URL or SUPABASE_JWT_SECRET, listen on "
            "127.0.0.1, or set ALLOW_ANONYMOUS=true if something before this service signs people in."
        )


def run_service(
    module: str, description: str, default_port: int, create_app: Callable[[Settings, Database], FastAPI]
) -> int:
    """Serve until interrupted, as ``python -m MODULE [--host HOST] [--port PORT]``. Returns the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=default_port)
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        check_host(settings, arguments.host)
        level = logging.DEBUG if settings.debug else logging.INFO
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
        with open_database(settings) as database:
            if auth_mode(settings) == "off":
                print("No sign-in is configured (SUPABASE_URL, SUPABASE_JWT_SECRET): only this machine is answered.")
            # The access log would hold every request's path and query.
            uvicorn.run(
                create_app(settings, database),
                host=arguments.host,
                port=arguments.port,
                access_log=False,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
    except (SettingsError, DatabaseError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0
