"""The second line: hostile statements with the guard switched off, as the reader's login, in a read-only transaction.

Nothing may change and no secret may come out. What the database alone does not stop is in ``NOT_STOPPED``, with why it
is bearable; this table is exact: a statement that runs and is not explained here fails the test, and so does an
explanation that nothing needs. Statements of the category ``dos`` are not run: time-outs, the cap on rows and bytes and
the cost gate are all there is against them, and some C functions (``repeat``, ``array_fill``) do not heed a time-out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.chart_service.guard.examples import HOSTILE
from warehouse.database import Database

NOT_STOPPED: tuple[tuple[str, str], ...] = (
    (
        r"pg_user|information_schema|pg_class|pg_attribute|pg_stat_activity|pg_stats|pg_settings|pg_roles|"
        r"pg_proc|pg_tables|regclass|regproc|pg_has_role|pg_get_viewdef|obj_description|pg_typeof|format_type",
        "everybody may read the catalog: names of tables, columns, roles and settings; never password hashes, rows, "
        "or what other logins run",
    ),
    (
        r"version\(\)|current_user|session_user|T user FROM|current_role|current_catalog|current_schema|"
        r"current_database|system_user|getpgusername|inet_server|pg_postmaster_start|pg_client_enc|pg_control_system|"
        r"pg_backend_pid|current_setting|^SHOW",
        "everybody may ask for the server's version, their own login and the connection's settings",
    ),
    (
        r"set_config|^SET |^RESET ALL|^RESET ROLE|setseed",
        "a session may change its own settings, time-outs too; they end with the transaction, or with DISCARD ALL",
    ),
    (
        r"^(BEGIN|COMMIT|ROLLBACK|END|SAVEPOINT a|DECLARE|CLOSE|PREPARE p|DEALLOCATE|DISCARD ALL)",
        "a session may steer its own transaction; the login is read-only by default, and may write nowhere anyway",
    ),
    (
        r"pg_advisory|pg_try_advisory",
        "anybody may take advisory locks, those of the sync too; DISCARD ALL releases them",
    ),
    (r"^LISTEN|^UNLISTEN|^NOTIFY|pg_notify", "notifications are sent at COMMIT, which never comes"),
    (r"pg_logical_emit_message", "writes a message into the write-ahead log, and no data"),
    (r"txid_current|pg_current_xact_id", "uses up a transaction id"),
    (r"pg_export_snapshot", "writes a snapshot's file that is gone at the end of the transaction"),
    (
        r"pg_cancel_backend|pg_terminate_backend",
        "a login may end its own sessions: those of other viewers, who then get an error and may try again",
    ),
    (r"ts_stat|query_to_xml\('SELECT 1'", "runs the SQL in a text, with the reader's own rights"),
    (r"pg_column_size", "tells how large a row is that may be read anyway"),
    (r"^EXPLAIN |^ANALYZE$", "plans, or skips what it may not touch"),
    (
        r"^WITH x AS \(MERGE|crm_deals AS \(SELECT \* FROM crm\.leads\)|/\*[!+]|^SELECT 1|^VALUES|^SELECT now\(\)$|"
        r"^SELECT( FROM crm\.deals)?$|; ?;$|U&'|'a\x07'|::point|::refcursor|collation for|row_to_json|\x00$|^[\s;]*$|"
        r"^(--|/\*) nothing( \*/)?$",
        "reads or does nothing that it may not: the guard refuses the spelling, or that it is no use",
    ),
)

STATE = """
    SELECT 'rows', count(*)::text || coalesce(md5(string_agg(d::text, '' ORDER BY d.id)), '') FROM bitrix.deals d
    UNION ALL SELECT 'leads', count(*)::text FROM bitrix.leads
    UNION ALL SELECT 'relations', md5(string_agg(relname || relkind::text, '' ORDER BY oid)) FROM pg_class
    UNION ALL SELECT 'functions', count(*)::text FROM pg_proc
    UNION ALL SELECT 'roles', md5(string_agg(r::text, '' ORDER BY r.rolname)) FROM pg_roles r
    UNION ALL SELECT 'settings', coalesce(md5(string_agg(s::text, '')), '') FROM pg_db_role_setting s
    UNION ALL SELECT 'large objects', count(*)::text FROM pg_largeobject_metadata
    UNION ALL SELECT 'sequences', md5(string_agg(sequencename || coalesce(last_value, 0), '')) FROM pg_sequences
    UNION ALL SELECT 'locks', count(*)::text FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE l.locktype = 'advisory' AND d.datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``results``: what came of each statement, None where PostgreSQL refused it; the state before and after all."""

    results: dict[str, str | None]
    before: list[Any]
    after: list[Any]


@pytest.fixture(scope="module")
def outcome(small_crm: Database, reader_url: str) -> Outcome:
    """All statements run."""
    with small_crm.connect("test", autocommit=True) as owner:
        before = owner.execute(STATE).fetchall()
        results = dict(run_all(reader_url))
        return Outcome(results, before, owner.execute(STATE).fetchall())


def run_all(reader_url: str) -> Iterator[tuple[str, str | None]]:
    connection = psycopg.connect(reader_url, autocommit=True, prepare_threshold=None)
    for category, statement in HOSTILE:
        if category == "dos":
            continue
        if connection.closed:  # it ended itself
            connection = psycopg.connect(reader_url, autocommit=True, prepare_threshold=None)
        yield statement, run(connection, statement)
        try:
            connection.execute("ROLLBACK")
            connection.execute("DISCARD ALL")
        except psycopg.Error:
            connection.close()
    connection.close()


def run(connection: psycopg.Connection[Any], statement: str) -> str | None:
    try:
        text = statement.encode()  # half a surrogate pair cannot even be sent
        connection.execute("BEGIN READ ONLY")
        connection.execute("SET LOCAL statement_timeout = '1s'")
        connection.execute("SET LOCAL lock_timeout = '200ms'")
        cursor = connection.execute(text, binary=True)  # so it goes by the protocol that takes one statement only
        return str(cursor.fetchall()) if cursor.description else ""
    except (psycopg.Error, UnicodeEncodeError) as error:
        return "" if isinstance(error, psycopg.errors.AdminShutdown) else None


def test_what_the_database_does_not_stop_is_known(outcome: Outcome) -> None:
    ran = [statement for statement, result in outcome.results.items() if result is not None]
    assert len(outcome.results) - len(ran) > 300
    unexplained = [
        statement for statement in ran if not any(re.search(what, statement, re.IGNORECASE) for what, _ in NOT_STOPPED)
    ]
    assert not unexplained, "\n".join(map(repr, unexplained))
    needless = [why for what, why in NOT_STOPPED if not any(re.search(what, one, re.IGNORECASE) for one in ran)]
    assert not needless


def test_no_secret_comes_out(outcome: Outcome, small_crm: Database) -> None:
    with small_crm.connect("test") as owner:
        [(password,)] = owner.execute("SELECT value FROM app.planted").fetchall()
    for statement, result in outcome.results.items():
        assert password not in (result or ""), statement
        assert "SCRAM-SHA-256$" not in (result or ""), statement


def test_nothing_is_left_behind(outcome: Outcome) -> None:
    assert outcome.after == outcome.before
