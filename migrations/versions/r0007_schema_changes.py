"""What changed on the portal between one sync and the next: fields, options, what could not follow.

Revises: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE app.sync_logs ADD COLUMN schema_changes jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN app.sync_logs.schema_changes IS
    'Fields that came, went, came back or are of another type, titles and options that changed, and what could not '
    'follow: a list of {"kind", "field", "text"}';

ALTER TABLE app.table_columns ADD COLUMN unread boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN app.table_columns.unread IS
    'Rows that were copied before the column came, or while its field was away, lack its values: the next incremental '
    'sync reads every row';

CREATE TABLE app.fields_without_column (
    entity text,
    field_code text,
    title text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('full', 'locked')),
    unread boolean NOT NULL DEFAULT false,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (entity, field_code)
);
COMMENT ON TABLE app.fields_without_column IS
    'Fields of the portal whose values are in the column _extra, as JSON by field code';
COMMENT ON COLUMN app.fields_without_column.reason IS
    'full: the table has PostgreSQL''s most columns; locked: a reader held the table, the next sync tries again';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)
