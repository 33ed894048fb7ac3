"""The portal's ids of user fields: one that was deleted and made again under the same code is another field.

Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMN = """
ALTER TABLE app.table_columns ADD COLUMN field_id text;
COMMENT ON COLUMN app.table_columns.field_id IS
    'The portal''s own id of a user field: another one under the same code is another field, and all rows are read';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(COLUMN)
