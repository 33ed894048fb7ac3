"""Whoever reads the views while fields come and go is never refused, never sees a gap, and never waits for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from tests.e2e.test_schema_drift import FIELD, ROWS, Mirror
from warehouse import definition_locks
from warehouse.database import Database
from warehouse.definition_locks import LOCK_MILLISECONDS

Connection = psycopg.Connection[Any]


@pytest.fixture
def server() -> Iterator[PortalServer]:
    with PortalServer(Portal.generate(seed=5, deals=ROWS), limits=False) as running:
        yield running


@pytest.fixture
def mirror(server: PortalServer, database: Database, conn: Connection) -> Mirror:
    made = Mirror(server, database, conn)
    made.sync("full")
    return made


@contextmanager
def readers(database: Database, *queries: str) -> Iterator[Callable[[], tuple[set[Any], float]]]:
    """Ask each query over and over, each time with less than two seconds to answer. Yields a function that stops them
    and tells which answers there were, and how long the slowest took. An error of a reader is raised there."""
    over = threading.Event()
    answers: set[Any] = set()
    slowest: list[float] = [0.0]
    failures: list[BaseException] = []

    def read(query: str) -> None:
        try:
            with database.connect("reader", autocommit=True, prepare_threshold=None) as conn:
                conn.execute("SET statement_timeout = 1900")
                while not over.is_set():
                    began = time.monotonic()
                    answers.add(conn.execute(query).fetchone())  # type: ignore[arg-type]
                    slowest[0] = max(slowest[0], time.monotonic() - began)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(query,)) for query in queries]
    for thread in threads:
        thread.start()

    def stop() -> tuple[set[Any], float]:
        over.set()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return answers, slowest[0]

    try:
        yield stop
    finally:
        over.set()


def test_views_are_never_absent_while_fields_change(mirror: Mirror) -> None:
    portal = mirror.portal
    mirror.conn.execute("CREATE VIEW public.report AS SELECT count(*) AS n FROM crm.deals WHERE stage_name IS NOT NULL")
    mirror.sync("full", "status")
    queries = ("SELECT count(*) FROM crm.deals", "SELECT n FROM public.report", "SELECT count(stage_id) FROM crm.deals")
    with readers(mirror.database, *queries) as stop:
        for number, kind in enumerate(("string", "enumeration", "employee", "money")):
            portal.add_field("deal", f"{FIELD}_{number}", kind, title=f"Поле {number}")
            mirror.sync()
        for number, kind in enumerate(("double", "integer", "string", "string")):
            portal.retype_field("deal", f"{FIELD}_{number}", kind)
            mirror.sync()
        portal.rename_field("deal", f"{FIELD}_0", "Другое")
        portal.remove_field("deal", f"{FIELD}_1")
        mirror.sync()
        answers, slowest = stop()
    assert answers == {(ROWS,)}
    assert slowest < 1.9


def test_readers_of_several_views_in_one_transaction_are_never_the_victims(mirror: Mirror) -> None:
    """They take locks in another order than we do: of two that wait for each other it is we who step back."""
    for entity in ("contact", "company", "lead"):
        mirror.sync("full", entity)
    over = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            with mirror.database.connect("reader") as conn:
                while not over.is_set():
                    for view in ("companies", "leads", "contacts", "deals"):
                        conn.execute(f"SELECT count(*) FROM crm.{view}")
                        time.sleep(0.02)
                    conn.commit()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for number in range(5):
            mirror.conn.execute("UPDATE app.views SET definition_hash = ''")  # as after an update of this program
            mirror.portal.add_field("deal", f"{FIELD}_{number}", "employee")
            mirror.sync()
    finally:
        over.set()
        thread.join()
    assert failures == []


def test_nobody_queues_behind_a_change_that_waits_for_a_long_query(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync does without the column, says who was in the way, and adds and fills it the next time."""
    monkeypatch.setattr(definition_locks, "PAUSES", (0.1, 0.1))
    mirror.portal.add_field("deal", FIELD, "string", title="Цвет")
    mirror.fill(FIELD, "red", touch=True)
    with mirror.database.connect("a long report") as long:
        long.execute("SELECT count(*) FROM crm.deals")
        with readers(mirror.database, "SELECT count(*) FROM crm.deals") as stop:
            report = mirror.sync()
            answers, slowest = stop()
        assert answers == {(ROWS,)}
        assert slowest < LOCK_MILLISECONDS / 1000 + 0.5
        assert (report.without_column, report.columns_added) == ((FIELD,), ())
        [change] = [change for change in report.schema_changes if change.kind == "field without column"]
        assert f"{FIELD} “Цвет” has no column, its values are in _extra." in change.text
        assert "b24 a long report" in change.text
        assert "The next sync tries again." in change.text
        assert mirror.one("SELECT DISTINCT _extra FROM bitrix.deals") == ({FIELD: "red"},)
        again = mirror.sync()
        assert [change.kind for change in again.schema_changes] == ["view waits"]
        assert again.sync_type == "incremental"
    assert list(mirror.follow()) == [f"field added {FIELD}"]
    assert mirror.one("SELECT DISTINCT uf_crm_drift, _extra FROM bitrix.deals") == ("red", None)
    assert mirror.one("SELECT count(*) FROM app.fields_without_column") == (0,)


def test_a_view_that_somebody_holds_waits_for_the_next_sync(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definition_locks, "PAUSES", (0.1,))
    mirror.portal.add_field("deal", FIELD, "string")
    mirror.fill(FIELD, "red", touch=True)
    with mirror.database.connect("a holder") as holder:
        holder.execute("COMMENT ON VIEW crm.deals IS 'mine'")  # locks the view and not the table behind it
        report = mirror.sync()
        assert report.columns_added == ("uf_crm_drift",)
        [note] = [change for change in report.schema_changes if change.kind == "view waits"]
        assert note.text.startswith("crm.deals could not be changed while others used it: process ")
        assert "(b24 a holder, user " in note.text
        assert note.text.endswith("It stays as it was; the next sync tries again.")
        assert mirror.one("SELECT count(*) FROM crm.deals") == (ROWS,)
        holder.rollback()
    assert mirror.sync().views_changed == ("deals",)
    assert mirror.one("SELECT DISTINCT uf_crm_drift FROM crm.deals") == ("red",)
