"""Dashboards, what was installed with the service, and who may look from elsewhere: embeds, links, sessions.

Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DASHBOARDS = """
CREATE TABLE app.dashboards (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    slug text UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]*$'),
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    lang text NOT NULL CHECK (lang IN ('ru', 'en')),
    tabs jsonb NOT NULL DEFAULT '[]',
    items jsonb NOT NULL DEFAULT '[]',
    filters jsonb NOT NULL DEFAULT '{}',
    translations jsonb NOT NULL DEFAULT '{}',
    starter text UNIQUE,
    version integer NOT NULL DEFAULT 1,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_by text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.dashboards IS 'Dashboards: where charts stand; never rows';
COMMENT ON COLUMN app.dashboards.items IS 'Charts, headings and texts on a grid of 12 columns, rows of 40 px';
COMMENT ON COLUMN app.dashboards.filters IS 'The filters that a dashboard opens with';
COMMENT ON COLUMN app.dashboards.starter IS 'Which of the dashboards that come with the service this is';

CREATE TABLE app.dashboard_charts (
    dashboard_id bigint NOT NULL REFERENCES app.dashboards ON DELETE CASCADE,
    chart_id bigint NOT NULL REFERENCES app.charts ON DELETE CASCADE,
    PRIMARY KEY (dashboard_id, chart_id)
);
CREATE INDEX dashboard_charts_chart ON app.dashboard_charts (chart_id);
COMMENT ON TABLE app.dashboard_charts IS 'Which charts stand on which dashboards: who may see one may see these';

ALTER TABLE app.charts ADD COLUMN translations jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN app.charts.translations IS
    'Texts, statement and template by language, for charts that come with the service. A text of the chart is shown '
    'in another language for as long as it is the one that came in the chart''s own';

CREATE TABLE app.starters (
    name text PRIMARY KEY,
    installed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.starters IS
    'Dashboards that came with the service and were installed: each once, so what a person deletes stays deleted';

CREATE TABLE app.permalinks (
    key text PRIMARY KEY,
    dashboard_id bigint NOT NULL REFERENCES app.dashboards ON DELETE CASCADE,
    state jsonb NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX permalinks_dashboard ON app.permalinks (dashboard_id, made_at DESC);
COMMENT ON TABLE app.permalinks IS 'States of dashboards under short keys: filters and the open tab';
"""

VIEWERS = """
CREATE TABLE app.embeds (
    uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    dashboard_id bigint NOT NULL UNIQUE REFERENCES app.dashboards ON DELETE CASCADE,
    allowed_domains jsonb NOT NULL DEFAULT '[]',
    allow_export boolean NOT NULL DEFAULT true,
    allow_rows boolean NOT NULL DEFAULT false,
    revoked_before timestamptz,
    changed_by text,
    changed_on timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.embeds IS 'Dashboards that other sites may show; the uuid is the one in the address of the frame';
COMMENT ON COLUMN app.embeds.revoked_before IS 'Guest tokens that were issued before are worth nothing';

CREATE TABLE app.share_links (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    dashboard_id bigint NOT NULL REFERENCES app.dashboards ON DELETE CASCADE,
    label text NOT NULL DEFAULT '',
    filters jsonb NOT NULL DEFAULT '{}',
    password_hash text,
    expires_at timestamptz NOT NULL,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX share_links_dashboard ON app.share_links (dashboard_id);
COMMENT ON TABLE app.share_links IS 'Signed links that show a dashboard to whoever has them';
COMMENT ON COLUMN app.share_links.filters IS 'Locked: they hold whatever the viewer chooses';

CREATE TABLE app.attempts (
    subject text PRIMARY KEY,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.attempts IS 'Wrong passwords by what they were for, so that guessing is slow';

CREATE TABLE app.sessions (
    id_hash bytea PRIMARY KEY,
    name text,
    csrf text NOT NULL,
    sealed bytea NOT NULL,
    token_expires_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_expires_at ON app.sessions (expires_at);
COMMENT ON TABLE app.sessions IS
    'People who signed in with a browser. Tokens are sealed with a key made of the cookie, which is kept nowhere here';
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(DASHBOARDS)
    connection.exec_driver_sql(VIEWERS)
