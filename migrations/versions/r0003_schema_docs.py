"""The documents of the schema, and the descriptions that people and models wrote.

Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE app.schema_docs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    refreshed_at timestamptz NOT NULL DEFAULT now(),
    run_id text,
    changes jsonb NOT NULL DEFAULT '[]',
    columns jsonb NOT NULL DEFAULT '{}',
    statistics jsonb NOT NULL DEFAULT '{}',
    markdown_ru text NOT NULL,
    markdown_en text NOT NULL
);
COMMENT ON TABLE app.schema_docs IS 'One row for each state of the schema that was documented, the last one is current';
COMMENT ON COLUMN app.schema_docs.schema_hash IS 'Of tables, columns, meanings, codes and labels; not of counts';
COMMENT ON COLUMN app.schema_docs.refreshed_at IS 'When the counts were last taken while the schema stayed the same';
COMMENT ON COLUMN app.schema_docs.changes IS 'What differs from the row before';
COMMENT ON COLUMN app.schema_docs.columns IS
    'Type, title and meaning by table and column: what the next row is compared with';

CREATE TABLE app.column_descriptions (
    table_name text,
    column_name text,
    source text CHECK (source IN ('person', 'model')),
    ru text,
    en text,
    content_hash text,
    written_by text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, column_name, source)
);
COMMENT ON TABLE app.column_descriptions IS 'Meanings that a person or a model wrote; a person''s wins';
COMMENT ON COLUMN app.column_descriptions.column_name IS 'Empty: the table itself';
COMMENT ON COLUMN app.column_descriptions.content_hash IS 'Of what the model was told; another hash asks it again';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)
