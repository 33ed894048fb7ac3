"""The schemas, the tables of the sync, and the role that may read the views.

Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from warehouse.reader_role import open_crm_alone

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE app.sync_config (
    entity text PRIMARY KEY,
    enabled boolean NOT NULL DEFAULT true,
    sync_interval_minutes integer NOT NULL CHECK (sync_interval_minutes BETWEEN 1 AND 10080),
    webhook_enabled boolean NOT NULL DEFAULT true,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.sync_config IS 'Which entities are synced, how often, and whether events are heeded';

CREATE TABLE app.sync_state (
    entity text PRIMARY KEY,
    watermark timestamptz,
    highest_id bigint,
    last_sync_type text,
    last_sync_at timestamptz,
    last_full_at timestamptz,
    rows_total bigint,
    data_version bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.sync_state IS 'How far each entity is copied';
COMMENT ON COLUMN app.sync_state.watermark IS 'The portal''s clock at the start of the last sync that was committed';
COMMENT ON COLUMN app.sync_state.data_version IS 'Grows by one with every committed sync that changed rows';

CREATE TABLE app.sync_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text,
    entity text NOT NULL,
    sync_type text NOT NULL,
    trigger text,
    status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed')),
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    fetched bigint NOT NULL DEFAULT 0,
    inserted bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    deleted bigint NOT NULL DEFAULT 0,
    cells_nulled bigint NOT NULL DEFAULT 0,
    requests bigint NOT NULL DEFAULT 0,
    expected bigint,
    columns_added text[] NOT NULL DEFAULT '{}',
    error text
);
CREATE INDEX sync_logs_entity_started_at ON app.sync_logs (entity, started_at DESC);
CREATE INDEX sync_logs_run_id ON app.sync_logs (run_id);
COMMENT ON TABLE app.sync_logs IS 'One row for each sync of an entity';
COMMENT ON COLUMN app.sync_logs.expected IS 'How many rows the sync expects to fetch, once known';

CREATE TABLE app.sync_issues (
    entity text,
    row_id text,
    field text,
    value text,
    reason text NOT NULL,
    run_id text,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now(),
    occurrences bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (entity, row_id, field)
);
COMMENT ON TABLE app.sync_issues IS 'Values of the portal that did not fit their column and became null';

CREATE TABLE app.table_columns (
    table_name text,
    column_name text,
    entity text NOT NULL,
    field_code text NOT NULL,
    part text NOT NULL DEFAULT 'value',
    pg_type text NOT NULL,
    field_type text NOT NULL,
    multiple boolean NOT NULL,
    title text NOT NULL,
    status_type text,
    position integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    vanished_at timestamptz,
    PRIMARY KEY (table_name, column_name)
);
COMMENT ON TABLE app.table_columns IS 'Which portal field each column of the mirror holds';

CREATE TABLE app.views (
    name text PRIMARY KEY,
    definition_hash text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.views IS 'The definition that each view of schema crm was last created from';
"""


def upgrade() -> None:
    connection = op.get_bind()
    for schema in ("bitrix", "crm", "dagster"):
        # Not IF NOT EXISTS: that wants the right to create even when an administrator has made the schema already.
        if not _schema_exists(connection, schema):
            connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
    connection.exec_driver_sql(TABLES)
    open_crm_alone(connection)


def _schema_exists(connection: sa.Connection, name: str) -> bool:
    query = sa.text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :name)")
    return bool(connection.execute(query, {"name": name}).scalar_one())
