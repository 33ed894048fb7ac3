"""A scripted sign-in server that answers as Supabase does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

SECRET = "j" * 40
ANON_KEY = "the anon key of the project"
EMAIL, PASSWORD = "ann@example.com", "a long password of Ann"


class SupabaseServer:
    """Knows one person. ``seconds``: how long its access tokens last. Each refresh token is good once."""

    def __init__(self) -> None:
        self.seconds = 3600.0
        self.failure: tuple[int, dict[str, Any]] | None = None
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.signed_out: list[str] = []
        self._refresh = 0
        self._lock = threading.Lock()
        self.url = ""

    def answer(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        self.heard.append((path, body))
        if headers.get("apikey") != ANON_KEY:
            return 401, {"message": "Invalid API key"}
        if self.failure is not None:
            return self.failure
        if path == "/auth/v1/logout?scope=local":
            self.signed_out.append(headers["Authorization"])
            return 204, {}
        if path == "/auth/v1/token?grant_type=password":
            if (body.get("email"), body.get("password")) != (EMAIL, PASSWORD):
                return 400, {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"}
            return 200, self._tokens()
        with self._lock:
            if body.get("refresh_token") != f"refresh {self._refresh}":
                return 400, {"code": 400, "error_code": "refresh_token_already_used", "msg": "Already Used"}
            return 200, self._tokens()

    def _tokens(self) -> dict[str, Any]:
        self._refresh += 1
        user = {"id": "7", "email": EMAIL, "role": "authenticated"}
        claims = {"sub": "7", "email": EMAIL, "aud": "authenticated", "role": "authenticated", "n": self._refresh}
        access = jwt.encode({**claims, "exp": time.time() + self.seconds}, SECRET, "HS256")
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": self.seconds,
            "refresh_token": f"refresh {self._refresh}",
            "user": user,
        }


@contextmanager
def supabase_server() -> Iterator[SupabaseServer]:
    """The server, answering on a port of this machine while this is open."""
    known = SupabaseServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
            status, answer = known.answer(self.path, body, dict(self.headers))
            content = b"" if status == 204 else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
