"""The ``b24`` command: what each sub-command takes. The work is in the modules beside this one."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console

from warehouse.settings import Settings, SettingsError, load_settings

API_URL = "http://127.0.0.1:8080"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables could show a secret
    help="Keeps an exact, current copy of a Bitrix24 CRM in PostgreSQL.",
)


def main() -> None:
    """Entry point of the console script."""
    app()


@app.command()
def up(
    dagster_port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    api_port: Annotated[int, typer.Option(help="Port of the control and webhook API.")] = 8080,
    charts_port: Annotated[int, typer.Option(help="Port of the charts: the page for people.")] = 8090,
    deals: Annotated[int, typer.Option(help="Deals of the simulated portal, where one is used.", min=1)] = 2000,
    first_sync: Annotated[bool, typer.Option(help="Begin with a sync of everything.")] = True,
) -> None:
    """Start everything, copy the portal, and stay until Ctrl-C."""
    from cli.up import up as run

    # The Dagster UI has no sign-in of its own, so it listens on this machine only.
    ports = {"dagster": dagster_port, "api": api_port, "charts": charts_port}
    raise typer.Exit(run(_settings(), ports=ports, portal_deals=deals, first_sync=first_sync))


@app.command()
def sync(
    entities: Annotated[list[str] | None, typer.Argument(help="deal, contact, lead, company, …; default: all.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read every row again, not only what changed.")] = False,
    accept_deletions: Annotated[
        bool,
        typer.Option("--accept-deletions", help="Believe that rows which vanished were deleted, however many."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Copy the portal into PostgreSQL once, then exit with a summary; status 1 when anything failed."""
    from cli.sync import sync as run

    settings = _settings()
    console = Console(highlight=False, stderr=as_json)
    options = {"full": full, "accept_deletions": accept_deletions, "as_json": as_json}
    raise typer.Exit(run(settings, entities or [], console=console, **options))


@app.command()
def doctor() -> None:
    """Check the portal, the database and the rest, each with what to do."""
    from cli.doctor import doctor as run

    raise typer.Exit(run(_settings()))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date, waiting for the server if need be."""
    from cli.migrate import migrate as run

    raise typer.Exit(run(_settings()))


@app.command("export")
def export_to(file: Annotated[Path, typer.Argument(help="File to write; it must not exist.")]) -> None:
    """Write the whole database to a file, while everything runs on: a back-up, or the way to another server."""
    from cli.backup import export_to as run

    raise typer.Exit(run(_settings(), file, Console(highlight=False)))


@app.command("import")
def import_from(file: Annotated[Path, typer.Argument(help="File that b24 export wrote.")]) -> None:
    """Fill an empty database (DATABASE_URL) from a file of b24 export, and bring it up to date."""
    from cli.backup import import_from as run

    raise typer.Exit(run(_settings(), file, Console(highlight=False)))


@app.command("first-sync")
def first_sync() -> None:
    """Let the running Dagster (DAGSTER_URL) sync everything, as `b24 up` does at its start; status 1 when it failed."""
    from cli.first_sync import first_sync as run

    raise typer.Exit(run(_settings(), Console(highlight=False)))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dagster(context: typer.Context) -> None:
    """Run a command of Dagster's for this installation: webserver, daemon run, code-server start, …"""
    from cli.dagster import dagster as run

    raise typer.Exit(run(_settings(), context.args, Console(highlight=False, stderr=True)))


@app.command()
def portal(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8070,
    deals: Annotated[int, typer.Option(help="How many deals two years of business have.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same portal.")] = 1,
    limits: Annotated[bool, typer.Option(help="Enforce the request and operating-time limits.")] = True,
    latency: Annotated[float, typer.Option(help="Seconds that every answer takes longer.")] = 0.0,
    events_to: Annotated[str | None, typer.Option(help="Post an event of every change to this address.")] = None,
) -> None:
    """Run a simulated Bitrix24 portal."""
    from cli.portal import portal as run

    token = _settings().bitrix_application_token
    events = (events_to, token.get_secret_value() if token else "simulated") if events_to else None
    raise typer.Exit(run(host=host, port=port, deals=deals, seed=seed, limits=limits, latency=latency, events=events))


@app.command("eval")
def evaluate(
    questions: Annotated[
        Path | None, typer.Argument(help='A line a question: {"question","lang","sql","format"}; default: our own set.')
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many.", min=1)] = None,
    at_once: Annotated[int, typer.Option(help="Questions asked at the same time.", min=1, max=16)] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Ask the model questions whose right statements are known: rows that match, charts, refusals, repairs, cost."""
    from chart_service.ask.evaluation import OWN_SET
    from cli.eval import evaluate as run

    console = Console(highlight=False, stderr=as_json)
    raise typer.Exit(
        run(_settings(), questions or OWN_SET, limit=limit, at_once=at_once, as_json=as_json, console=console)
    )


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(context: typer.Context) -> None:
    """Run dbt on the crm views: parse, test, docs generate, … (make dbt installs it)."""
    from cli.dbt import dbt as run

    raise typer.Exit(run(_settings(), context.args, Console(highlight=False)))


@app.command()
def bench(
    deals: Annotated[int, typer.Option(help="Deals of the simulated portal.", min=100)] = 20_000,
    compare: Annotated[bool, typer.Option("--compare", help="Measure fast_bitrix24 and dlt beside us.")] = False,
    memory: Annotated[bool, typer.Option("--memory", help="Measure peak memory, 20,000 to 500,000 deals.")] = False,
    rate_limit: Annotated[bool, typer.Option(help="Enforce the portal's limit of requests.")] = False,
    latency: Annotated[float, typer.Option(help="With --compare: seconds that every answer takes longer.")] = 0.0,
    charts: Annotated[bool, typer.Option("--charts", help="Measure charts instead, from statement to figure.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Measure a dashboard's page in Chromium instead.")] = False,
    views: Annotated[bool, typer.Option("--views", help="Measure queries through the crm views instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure a full sync of deals: requests, rows per second, peak memory, and a bare COPY of the same rows.

    With --rate-limit: its time against what the limit dictates, and that of four entities at once. With --compare: the
    same deals copied by other tools, with or without the limit.
    """
    from cli.bench.full import bench as run

    _settings()
    if compare:
        from cli.bench.compare import bench_compare

        raise typer.Exit(bench_compare(deals=deals, limits=rate_limit, latency=latency, as_json=as_json))
    if memory:
        from cli.bench.memory import bench_memory

        raise typer.Exit(bench_memory(as_json=as_json))
    if rate_limit:
        from cli.bench.limits import bench_limits

        raise typer.Exit(bench_limits(deals=deals, as_json=as_json))
    if charts:
        from cli.bench.charts import bench_charts

        raise typer.Exit(bench_charts(deals=deals, as_json=as_json))
    if page:
        from cli.bench.pages import bench_pages

        raise typer.Exit(bench_pages(deals=deals, as_json=as_json))
    if views:
        from cli.bench.views import bench_views

        raise typer.Exit(bench_views(deals=deals, as_json=as_json))

    raise typer.Exit(run(deals=deals, as_json=as_json))


@app.command()
def guard(
    file: Annotated[Path, typer.Argument(help='One {"sql": "…"} a line.')],
    bench: Annotated[
        bool, typer.Option("--bench", help="Print the time a statement takes, on standard error.")
    ] = False,
) -> None:
    """Say of each statement in a file whether the SQL guard lets it through: {"ok", "rule", "sql"} a line."""
    from cli.guard import guard as run

    raise typer.Exit(run(file, bench=bench, out=sys.stdout, log=sys.stderr))


@app.command("bench-events")
def bench_events(
    api_url: Annotated[str, typer.Option(help="Where the webhook API of the running installation is.")] = API_URL,
    events: Annotated[int, typer.Option(help="How many events, one at a time.", min=1)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print the times as JSON.")] = False,
) -> None:
    """Measure how soon after an event its row is visible, on a running `b24 up` with the simulated portal."""
    from cli.bench.events import bench_events as run

    raise typer.Exit(run(_settings(), api_url=api_url, events=events, as_json=as_json))


def _settings() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    _configure_logging(debug=settings.debug)
    return settings


def _configure_logging(*, debug: bool) -> None:
    """Commands talk through their own output; the log is for trouble, on standard error."""
    level = logging.DEBUG if debug else logging.WARNING
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    main()
