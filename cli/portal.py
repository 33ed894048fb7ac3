"""``b24 portal``: the simulated portal in the foreground."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from demo_portal.server import serve


def portal(
    *,
    host: str,
    port: int,
    deals: int,
    seed: int,
    limits: bool,
    latency: float,
    events: tuple[str, str] | None = None,
) -> int:
    """Serve until interrupted. Returns the exit status. ``events``: where changes are posted, and with which token."""
    console = Console(highlight=False)

    def tell(url: str) -> None:
        console.print(f"Simulated portal with {deals:,} deals. BITRIX_WEBHOOK_URL={url}", soft_wrap=True)

    try:
        serve(
            host=host,
            port=port,
            deals=deals,
            seed=seed,
            limits=limits,
            latency=latency,
            events=events,
            on_ready=tell,
        )
    except OSError as error:
        console.print(f"[red]✗[/red] Cannot listen on {host}:{port}: {escape(str(error.strerror))}. Use --port.")
        return 1
    except KeyboardInterrupt:
        pass
    return 0
