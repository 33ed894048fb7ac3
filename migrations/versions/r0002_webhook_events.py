"""The queue of events, what was received, and the installed application.

Revises: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE app.webhook_events (
    entity text,
    row_id bigint,
    event text NOT NULL,
    event_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'picked', 'done', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL DEFAULT now(),
    last_received_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    picked_at timestamptz,
    run_id text,
    done_at timestamptz,
    error text,
    PRIMARY KEY (entity, row_id)
) WITH (fillfactor = 70);
CREATE INDEX webhook_events_open ON app.webhook_events (entity, due_at) WHERE status IN ('pending', 'picked');
CREATE INDEX webhook_events_dead ON app.webhook_events (entity) WHERE status = 'dead';
COMMENT ON TABLE app.webhook_events IS 'Records that events spoke of, one row each however many events there were';
COMMENT ON COLUMN app.webhook_events.row_id IS 'Id of the record; 0: the fields of the entity';
COMMENT ON COLUMN app.webhook_events.event IS 'The last event''s name';
COMMENT ON COLUMN app.webhook_events.event_at IS 'The portal''s time of the newest change';
COMMENT ON COLUMN app.webhook_events.version IS 'How many events there were; an event during a sync is seen by it';
COMMENT ON COLUMN app.webhook_events.status IS
    'pending: waits for due_at; picked: a run reads the record; done; dead: given up after many attempts, see error';
COMMENT ON COLUMN app.webhook_events.received_at IS 'The first event that was not handled before';

CREATE TABLE app.webhook_received (
    event text PRIMARY KEY,
    accepted bigint NOT NULL DEFAULT 0,
    dropped bigint NOT NULL DEFAULT 0,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.webhook_received IS 'How many events of each name the handler was sent';
COMMENT ON COLUMN app.webhook_received.dropped IS 'Acknowledged and dropped: webhooks of the entity are switched off';

CREATE TABLE app.portal_application (
    member_id text PRIMARY KEY,
    domain text NOT NULL,
    secrets bytea NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT now(),
    refreshed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.portal_application IS 'The local application that the portal has installed';
COMMENT ON COLUMN app.portal_application.secrets IS 'Its tokens, encrypted with the installation''s key';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)
