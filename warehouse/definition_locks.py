"""Changing a table or a view while people read it.

Such a change must be alone with its object for a moment. PostgreSQL lets nobody in behind a change that waits, so one
that waits for a long query would stop all others: it waits for an instant only, steps aside, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from psycopg import Connection, errors

LOCK_MILLISECONDS = 400
"""How long others may have to wait behind a change. Less than PostgreSQL's ``deadlock_timeout`` of a second, so that of
two that wait for each other it is never a reader who is refused."""

PAUSES = (0.2, 0.5, 1.0, 2.0, 3.0, 3.0, 3.0)
"""Seconds between tries. Whoever reads for longer than all of them is not waited for: the next sync tries again."""

Result = TypeVar("Result")


class DefinitionLocked(Exception):
    """Somebody holds the object for so long that its definition could not be changed. The text says who."""


@contextmanager
def short_lock_waits(conn: Connection) -> Iterator[None]:
    """Within a transaction: statements that would wait for a lock give up soon, so that nobody queues behind them."""
    before = conn.execute("SELECT current_setting('lock_timeout')").fetchone()
    conn.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LOCK_MILLISECONDS}ms",))
    yield  # after an error the transaction is rolled back, and the setting with it
    conn.execute("SELECT set_config('lock_timeout', %s, true)", (before[0] if before else "0",))


def patiently(
    conn: Connection, change: Callable[[], Result], objects: Iterable[str], *, patient: bool = True
) -> Result:
    """Make a change in a transaction of its own, several times if somebody is in the way, once unless ``patient``;
    answers what it answers.

    ``objects`` are the qualified names of what it changes. Raises ``DefinitionLocked`` when the last try failed, too.
    """
    for pause in (*PAUSES, None) if patient else (None,):
        try:
            with conn.transaction():
                return change()
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            if pause is not None:
                time.sleep(pause)
    raise DefinitionLocked(_holders(conn, list(objects)))


def _holders(conn: Connection, objects: list[str]) -> str:
    """Who holds locks on these objects, the oldest transaction first."""
    with conn.transaction():
        rows = conn.execute(
            """SELECT a.pid, coalesce(nullif(a.application_name, ''), 'unnamed program'), a.usename,
                   extract(epoch FROM now() - a.xact_start)::int8
               FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid() AND EXISTS (
                   SELECT FROM pg_locks l JOIN unnest(%s::text[]) o(name) ON l.relation = to_regclass(o.name)
                   WHERE l.pid = a.pid AND l.granted
                       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
               ORDER BY a.xact_start NULLS LAST LIMIT 3""",
            (objects,),
        ).fetchall()
    what = " and ".join(objects)
    if not rows:
        return f"{what} could not be changed while somebody else used it."
    who = "; ".join(
        f"process {pid} ({program}, user {user}" + (f", in a transaction for {age} s)" if age is not None else ")")
        for pid, program, user, age in rows
    )
    return f"{what} could not be changed while others used it: {who}."
