"""What a sync writes to PostgreSQL's write-ahead log, by table: of a sync that finds no change, only its own log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from warehouse.settings import parse_database_url, render_url

_BY_TABLE = """
WITH first_block AS (
  SELECT DISTINCT ON (start_lsn) start_lsn, reltablespace, reldatabase, relfilenode
  FROM pg_get_wal_block_info(%(begin)s, %(end)s, false) ORDER BY start_lsn, block_id
), named AS (
  SELECT r.record_length, r.resource_manager,
         CASE WHEN b.reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
              THEN pg_filenode_relation(CASE WHEN b.reltablespace = 1663 THEN 0 ELSE b.reltablespace END, b.relfilenode)
         END AS relation,
         b.start_lsn IS NOT NULL AND b.reldatabase > 0
           AND b.reldatabase <> (SELECT oid FROM pg_database WHERE datname = current_database()) AS elsewhere
  FROM pg_get_wal_records_info(%(begin)s, %(end)s) r LEFT JOIN first_block b USING (start_lsn)
), owned AS (
  SELECT n.*, coalesce(i.indrelid, n.relation::oid) AS owner
  FROM named n LEFT JOIN pg_index i ON i.indexrelid = n.relation
)
SELECT coalesce(s.nspname || '.' || coalesce(m.relname, c.relname), o.resource_manager), count(*), sum(record_length)
FROM owned o
LEFT JOIN pg_class m ON m.reltoastrelid = o.owner
LEFT JOIN pg_class c ON c.oid = o.owner
LEFT JOIN pg_namespace s ON s.oid = coalesce(m.relnamespace, c.relnamespace)
WHERE NOT elsewhere
GROUP BY 1 ORDER BY 3 DESC
"""


@dataclass(frozen=True, slots=True)
class Written:
    """Records and bytes of the log for a table with its indexes, or for what belongs to none: commits, checkpoints."""

    what: str
    records: int
    bytes: int


def written_by(admin_url: str, database_url: str, action: Callable[[], object]) -> list[Written]:
    """What went into the log while ``action`` ran, most bytes first.

    ``admin_url`` is a superuser's: only one may read the log. What others write meanwhile counts too.
    """
    with _superuser(admin_url, database_url) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        begin = _end(admin)
        action()
        end = _end(admin)
        if end == begin:
            return []
        rows = admin.execute(_BY_TABLE, {"begin": begin, "end": end}).fetchall()
    return [Written(what, records, int(size)) for what, records, size in rows]


def vacuum(admin_url: str, database_url: str) -> None:
    """Have PostgreSQL do what it does by itself some time after many rows were written, so that it does not later."""
    with _superuser(admin_url, database_url) as admin:
        admin.execute("VACUUM (ANALYZE)")


def _superuser(admin_url: str, database_url: str) -> psycopg.Connection[tuple[Any, ...]]:
    database = parse_database_url(database_url).database
    return psycopg.connect(render_url(parse_database_url(admin_url).set(database=database)), autocommit=True)


def by_owner(written: list[Written]) -> dict[str, int]:
    """Bytes in the tables of the mirror, in the logs of syncs (``app``) and of Dagster, in PostgreSQL's catalogs, and
    in what belongs to no table."""
    owners = {"bitrix": "mirror", "app": "the sync's logs", "dagster": "Dagster's logs", "pg_catalog": "catalogs"}
    found = dict.fromkeys((*owners.values(), "commits"), 0)
    for item in written:
        schema, dot, _ = item.what.partition(".")
        owner = owners.get(schema, item.what) if dot else "commits"
        found[owner] = found.get(owner, 0) + item.bytes
    return found


def _end(admin: psycopg.Connection[tuple[Any, ...]]) -> str:
    [lsn] = admin.execute("SELECT pg_current_wal_flush_lsn()").fetchone() or ("0/0",)
    return str(lsn)
