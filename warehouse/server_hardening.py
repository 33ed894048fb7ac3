"""What only a superuser can take from the logins of a server: functions that a reader of charts has no use for.

The guard lets none of them through; without them, a hole in it would be smaller. Done on the embedded server; on
another one an administrator may do the same.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from warehouse.settings import parse_database_url, render_url

HARDENING = 1
"""Grows when there is more to take away: servers that were hardened less are hardened again."""

_FUNCTIONS = (
    # Large objects: bytes in tables and files of the server.
    *("lo_creat", "lo_create", "lo_from_bytea", "lo_get", "lo_import", "lo_export", "lo_open", "lo_put", "lo_unlink"),
    *(
        "lo_close",
        "lo_lseek",
        "lo_lseek64",
        "lo_tell",
        "lo_tell64",
        "lo_truncate",
        "lo_truncate64",
        "loread",
        "lowrite",
    ),
    # Text that is executed as SQL, or that dumps whatever can be read.
    *("query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml", "cursor_to_xmlschema"),
    *("table_to_xml", "table_to_xmlschema", "table_to_xml_and_xmlschema", "schema_to_xml", "schema_to_xmlschema"),
    *("schema_to_xml_and_xmlschema", "database_to_xml", "database_to_xmlschema", "database_to_xml_and_xmlschema"),
    *("ts_rewrite", "ts_stat"),
    # Effects outside of a read-only transaction.
    *("set_config", "pg_notify", "pg_logical_emit_message", "pg_cancel_backend", "pg_terminate_backend"),
    *("pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"),
    *("pg_advisory_xact_lock", "pg_advisory_xact_lock_shared", "pg_try_advisory_xact_lock"),
    *("pg_try_advisory_xact_lock_shared", "txid_current", "pg_current_xact_id", "pg_export_snapshot"),
    # Waiting for nothing.
    *("pg_sleep", "pg_sleep_for", "pg_sleep_until"),
)


def harden(admin_url: str, database: str, owner: str) -> None:
    """Take the functions from everybody but ``owner`` in one database, and let ``owner`` limit temporary files."""
    url = render_url(parse_database_url(admin_url).set(database=database))
    with psycopg.connect(url) as conn:
        functions = conn.execute(
            """SELECT oid::regprocedure::text FROM pg_proc
               WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY(%s) ORDER BY 1""",
            (list(_FUNCTIONS),),
        ).fetchall()
        names = sql.SQL(", ").join(sql.SQL(signature) for (signature,) in functions)
        conn.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(names))
        conn.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(names, sql.Identifier(owner)))
        conn.execute(sql.SQL("GRANT SET ON PARAMETER temp_file_limit TO {}").format(sql.Identifier(owner)))
