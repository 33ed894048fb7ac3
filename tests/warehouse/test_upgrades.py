"""From every revision that an installation may have to the newest, with rows in every table."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql

from warehouse.database import Database
from warehouse.migrate import SCRIPTS, migration_state, upgrade

DAY = "2026-01-01 10:00+03"
HELD = {
    "0001": f"""
        INSERT INTO app.sync_config (entity, enabled, sync_interval_minutes) VALUES ('deal', false, 7);
        INSERT INTO app.sync_issues (entity, row_id, field, value, reason) VALUES ('deal', '5', 'UF_X', '"a"', 'why');
        INSERT INTO app.sync_logs (run_id, entity, sync_type, status, fetched, error)
            VALUES ('r1', 'deal', 'full', 'failed', 9, 'no'), ('r2', 'deal', 'incremental', 'succeeded', 2, NULL),
                   ('r3', 'lead', 'full', 'running', 1, NULL);
        INSERT INTO app.sync_state (entity, watermark, highest_id, last_sync_type, rows_total, data_version)
            VALUES ('deal', '{DAY}', 90, 'full', 80, 3);
        INSERT INTO app.table_columns (table_name, column_name, entity, field_code, pg_type, field_type, multiple,
            title, position) VALUES ('deals', 'id', 'deal', 'ID', 'int8', 'integer', false, 'ID', 0);
        INSERT INTO app.views (name, definition_hash) VALUES ('deals', 'abc');
        CREATE TABLE bitrix.deals (id int8 PRIMARY KEY, _synced_at timestamptz, _deleted_at timestamptz, _extra jsonb);
        INSERT INTO bitrix.deals (id) SELECT generate_series(1, 80);
        CREATE VIEW crm.deals AS SELECT id FROM bitrix.deals WHERE _deleted_at IS NULL;""",
    "0002": """
        INSERT INTO app.portal_application (member_id, domain, secrets) VALUES ('m', 'a.bitrix24.ru', '\\x01');
        INSERT INTO app.webhook_events (entity, row_id, event) VALUES ('deal', 5, 'ONCRMDEALADD'),
            ('deal', 6, 'ONCRMDEALDELETE');
        INSERT INTO app.webhook_received (event, accepted) VALUES ('ONCRMDEALADD', 4);""",
    "0003": """
        INSERT INTO app.column_descriptions (table_name, column_name, source, ru, en)
            VALUES ('deals', 'id', 'person', 'Номер', 'Number');
        INSERT INTO app.schema_docs (schema_hash, markdown_ru, markdown_en) VALUES ('h', '# Да', '# Yes');""",
    "0004": """
        INSERT INTO app.asks (id, question, lang, outcome) VALUES (gen_random_uuid(), 'Сколько?', 'ru', 'answered');
        INSERT INTO app.chart_settings (name, value) VALUES ('budget', '5');
        INSERT INTO app.charts (title, lang, sql, template) VALUES ('Сделки', 'ru', 'SELECT 1', '{}');
        INSERT INTO app.examples (question, lang, sql) VALUES ('Сколько?', 'ru', 'SELECT 1');
        INSERT INTO app.model_calls (purpose, model, outcome, cost_usd) VALUES ('ask', 'm', 'answered', 0.0011);
        INSERT INTO app.secrets (name, value) VALUES ('any', 'kept');""",
    "0005": f"""
        INSERT INTO app.attempts (subject, failures) VALUES ('link', 2);
        INSERT INTO app.dashboards (title, lang, slug) VALUES ('Продажи', 'ru', 'sales');
        INSERT INTO app.dashboard_charts SELECT d.id, c.id FROM app.dashboards d, app.charts c;
        INSERT INTO app.embeds (dashboard_id, allowed_domains) SELECT id, '["https://a.ru"]' FROM app.dashboards;
        INSERT INTO app.permalinks (key, dashboard_id, state) SELECT 'k', id, '{{}}' FROM app.dashboards;
        INSERT INTO app.sessions (id_hash, csrf, sealed, token_expires_at, expires_at)
            VALUES ('\\x01', 'c', '\\x02', '{DAY}', '{DAY}');
        INSERT INTO app.share_links (dashboard_id, expires_at) SELECT id, '{DAY}' FROM app.dashboards;
        INSERT INTO app.starters (name) VALUES ('sales');""",
    "0006": f"""
        INSERT INTO app.full_syncs (entity, watermark, design, done, rows)
            VALUES ('deal', '{DAY}', 'd', '{{[1,51)}}', 50);
        INSERT INTO app.portal_methods (portal, method) VALUES ('p', 'crm.deal.list');
        INSERT INTO app.portal_rate (portal, level) VALUES ('p', 12);
        UPDATE app.sync_logs SET missed = 2, resumed = true WHERE run_id = 'r2';""",
    "0007": """
        INSERT INTO app.fields_without_column (entity, field_code, title, reason)
            VALUES ('deal', 'UF_X', 'X', 'full');""",
    "0008": """
        UPDATE app.table_columns SET field_id = '107' WHERE field_code = 'ID';""",
}
"""What an installation adds at each revision."""

REVISIONS = sorted(script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions())
Rows = dict[str, list[dict[str, Any]]]


def rows(conn: psycopg.Connection[Any]) -> Rows:
    """Every row of every table of ours but Alembic's own, as JSON."""
    tables = conn.execute(
        """SELECT schemaname, tablename FROM pg_tables
           WHERE schemaname IN ('app', 'bitrix') AND tablename <> 'alembic_version' ORDER BY 1, 2"""
    ).fetchall()
    return {
        f"{schema}.{table}": [
            row[0]
            for row in conn.execute(
                sql.SQL("SELECT to_jsonb(t) FROM {} t ORDER BY t::text").format(sql.Identifier(schema, table))
            )
        ]
        for schema, table in tables
    }


def test_every_revision_has_rows_here() -> None:
    """A new migration brings rows of its tables to this test."""
    assert list(HELD) == REVISIONS


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_nothing_is_lost_on_the_way_to_the_newest(empty_database: Database, revision: str) -> None:
    for step in REVISIONS[: REVISIONS.index(revision) + 1]:
        upgrade(empty_database, to=step)
        with empty_database.connect("test") as conn:
            conn.execute(HELD[step])
    with empty_database.connect("test") as conn:
        before = rows(conn)
    assert all(before.values()), [table for table, found in before.items() if not found]
    assert upgrade(empty_database).up_to_date
    with empty_database.connect("test") as conn:
        after = rows(conn)
        assert conn.execute("SELECT count(*) FROM crm.deals").fetchone() == (80,)
    for table, kept in before.items():
        assert len(after[table]) == len(kept), table
        for row in kept:
            assert any(row.items() <= now.items() for now in after[table]), (table, row)


def test_an_upgraded_database_is_a_new_one(empty_database: Database, database: Database) -> None:
    """Step by step or at once: the same tables, columns, constraints and indexes."""
    for revision in REVISIONS:
        upgrade(empty_database, to=revision)
    assert migration_state(empty_database).up_to_date
    assert definitions(empty_database) == definitions(database)


def definitions(database: Database) -> list[tuple[str, ...]]:
    with database.connect("test") as conn:
        return conn.execute(
            """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text
               FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
               WHERE c.relnamespace = 'app'::regnamespace AND c.relkind = 'r'
               UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '' FROM pg_constraint
               WHERE connamespace = 'app'::regnamespace
               UNION ALL SELECT tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'app'
               ORDER BY 1, 2, 3"""
        ).fetchall()
