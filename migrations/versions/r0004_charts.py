"""Charts, the questions they came from, what the model cost, and what the service keeps for itself.

Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE app.secrets (
    name text PRIMARY KEY,
    value text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.secrets IS
    'Made by the service for itself: the password of the login that reads for charts, the key of embed tokens';

CREATE TABLE app.charts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    question text,
    lang text NOT NULL CHECK (lang IN ('ru', 'en')),
    sql text NOT NULL,
    template jsonb NOT NULL,
    assumptions jsonb NOT NULL DEFAULT '[]',
    schema_hash text,
    pinned boolean NOT NULL DEFAULT false,
    version integer NOT NULL DEFAULT 1,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.charts IS 'Saved charts: a statement and a figure template, never rows';
COMMENT ON COLUMN app.charts.sql IS 'As it was written; it passes the guard each time it is used';
COMMENT ON COLUMN app.charts.template IS 'The figure template: column names where Plotly has data';
COMMENT ON COLUMN app.charts.version IS 'Grows with every change: an edit names the version it is of';

CREATE TABLE app.asks (
    id uuid PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now(),
    asked_by text,
    question text NOT NULL,
    lang text NOT NULL CHECK (lang IN ('ru', 'en')),
    follows uuid,
    outcome text NOT NULL CHECK (outcome IN ('answered', 'empty', 'clarification', 'refused', 'failed', 'cancelled')),
    code text,
    intent jsonb,
    sql text,
    repairs integer NOT NULL DEFAULT 0,
    cached boolean NOT NULL DEFAULT false,
    milliseconds integer,
    cache_key text,
    data_version text
);
CREATE INDEX asks_asked_at ON app.asks (asked_at DESC);
CREATE INDEX asks_cache_key ON app.asks (cache_key, asked_at DESC) WHERE cache_key IS NOT NULL;
COMMENT ON TABLE app.asks IS 'Questions and what became of them; never rows';
COMMENT ON COLUMN app.asks.code IS 'Why it was not answered: the guard''s rule or the error''s code';
COMMENT ON COLUMN app.asks.cache_key IS 'Of question, prompt and schema: the same again needs no model';

CREATE TABLE app.examples (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    question text NOT NULL,
    lang text NOT NULL CHECK (lang IN ('ru', 'en')),
    sql text NOT NULL,
    template jsonb,
    approved_by text,
    approved_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (question, lang)
);
COMMENT ON TABLE app.examples IS 'Approved pairs of question and statement: the nearest are shown to the model';

CREATE TABLE app.model_calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    called_at timestamptz NOT NULL DEFAULT now(),
    called_by text,
    ask_id uuid,
    purpose text NOT NULL,
    model text NOT NULL,
    prompt_tokens bigint NOT NULL DEFAULT 0,
    cached_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cost_usd numeric(14, 8) NOT NULL DEFAULT 0,
    milliseconds integer,
    tries integer NOT NULL DEFAULT 1,
    outcome text NOT NULL
);
CREATE INDEX model_calls_called_at ON app.model_calls (called_at DESC);
COMMENT ON TABLE app.model_calls IS 'What the language model was asked for and what it cost; no texts';

CREATE TABLE app.chart_settings (
    name text PRIMARY KEY,
    value jsonb NOT NULL,
    updated_by text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.chart_settings IS
    'What people set for charts: glossary, instructions for the model, budgets, prices';

-- The version of the data is looked up every second: rows that were committed by a sync which has not succeeded count.
CREATE INDEX sync_logs_unfinished ON app.sync_logs (entity)
    WHERE status <> 'succeeded' AND inserted + updated + deleted > 0;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)
