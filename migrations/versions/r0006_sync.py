"""Syncs that nothing stops: finished parts of a full sync, what runs did in full, the portal's limits shared.

Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE app.sync_logs
    ADD COLUMN missed bigint NOT NULL DEFAULT 0,
    ADD COLUMN held_back bigint NOT NULL DEFAULT 0,
    ADD COLUMN resumed boolean NOT NULL DEFAULT false,
    ADD COLUMN retries bigint NOT NULL DEFAULT 0,
    ADD COLUMN waited_seconds double precision NOT NULL DEFAULT 0,
    ADD COLUMN portal_rows bigint,
    ADD COLUMN mirror_rows bigint;
COMMENT ON COLUMN app.sync_logs.deleted IS 'Rows marked as gone from the portal';
COMMENT ON COLUMN app.sync_logs.missed IS
    'Rows that only the comparison with the portal brought in: lost rights came back';
COMMENT ON COLUMN app.sync_logs.held_back IS
    'Rows that the portal no longer shows, too many to believe that they were deleted: nothing was marked';
COMMENT ON COLUMN app.sync_logs.resumed IS 'A full sync that went on where an earlier one had stopped';
COMMENT ON COLUMN app.sync_logs.retries IS 'Requests to the portal that were repetitions';
COMMENT ON COLUMN app.sync_logs.waited_seconds IS 'Time spent waiting for the portal''s limits';
COMMENT ON COLUMN app.sync_logs.portal_rows IS 'Rows that the portal counted among the ids that were compared';
COMMENT ON COLUMN app.sync_logs.mirror_rows IS 'Live rows of the mirror among the same ids, after the sync';
CREATE INDEX sync_logs_running ON app.sync_logs (entity) WHERE status = 'running';

ALTER TABLE app.sync_state ADD COLUMN counts_failed_at timestamptz;
COMMENT ON COLUMN app.sync_state.counts_failed_at IS
    'When the portal''s counts were last of no use to find deleted rows: only full syncs look for them then';

CREATE TABLE app.full_syncs (
    entity text PRIMARY KEY,
    watermark timestamptz NOT NULL,
    design text NOT NULL,
    done int8multirange NOT NULL DEFAULT '{}',
    rows bigint NOT NULL DEFAULT 0,
    begun_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.full_syncs IS 'Full syncs that have not ended: the next one of the entity goes on from here';
COMMENT ON COLUMN app.full_syncs.watermark IS 'The portal''s clock when the first of its rows was read';
COMMENT ON COLUMN app.full_syncs.design IS 'Of the columns: after another field came, rows are read from the beginning';
COMMENT ON COLUMN app.full_syncs.done IS 'Ranges of ids all of whose rows are committed';

-- Unlogged: it costs no write-ahead log, and after a crash of the server the portal's own bucket has drained.
CREATE UNLOGGED TABLE app.portal_rate (
    portal text PRIMARY KEY,
    level double precision NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    share double precision NOT NULL DEFAULT 1,
    refused_at timestamptz,
    requests bigint NOT NULL DEFAULT 0,
    refusals bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE app.portal_rate IS 'The bucket of requests to a portal, counted by every process before it sends one';
COMMENT ON COLUMN app.portal_rate.level IS 'Requests in the bucket at the moment "at"';
COMMENT ON COLUMN app.portal_rate.share IS
    'Which part of the portal''s rate is ours: smaller after refusals, for then others use the portal too';

CREATE UNLOGGED TABLE app.portal_methods (
    portal text,
    method text,
    used double precision NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reset_at timestamptz,
    cost double precision NOT NULL DEFAULT 0,
    next_send timestamptz,
    rest_until timestamptz,
    PRIMARY KEY (portal, method)
) WITH (fillfactor = 50);
COMMENT ON TABLE app.portal_methods IS 'Operating seconds that each method of a portal has used, as its answers told';
COMMENT ON COLUMN app.portal_methods.rest_until IS 'The method hit its limit: no process calls it before';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLES)
