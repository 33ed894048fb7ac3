"""Types of the views' columns, as the service reads them."""

from __future__ import annotations

from typing import Any

import psycopg


def view_types(connection: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
    """PostgreSQL's name of each column's type, by view and column."""
    types: dict[str, dict[str, str]] = {}
    for view, column, pg_type in connection.execute(
        """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
           WHERE c.relnamespace = 'crm'::regnamespace ORDER BY c.relname, a.attnum"""
    ):
        types.setdefault(view, {})[column] = pg_type
    return types
