"""Fields come, go, change types and names while the mirror follows: exactly, and with a word about each change."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import psycopg
import pytest

from bitrix import LeakyBucket, PortalClient, WebhookUrl
from bitrix.entities import entity_named
from bitrix.errors import MalformedAnswerError
from bitrix.fields import Field, parse_fields
from cli.sync import read_outcomes
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from orchestration.entity_sync import sync_entity
from orchestration.sync_report import SyncReport, SyncRequest, SyncType
from orchestration.sync_steps import SyncSteps
from tests.e2e.conftest import RunJob, checks, fields_of, metadata
from tests.e2e.oracle import differences
from warehouse import definition_locks
from warehouse.database import Database
from warehouse.full_sync import design_hash
from warehouse.tables import ensure_table

Connection = psycopg.Connection[Any]
FIELD = "UF_CRM_DRIFT"
ROWS = 60


@pytest.fixture
def server() -> Iterator[PortalServer]:
    with PortalServer(Portal.generate(seed=5, deals=ROWS), limits=False) as running:
        yield running


class Mirror:
    """The deals of one portal and their mirror."""

    def __init__(self, server: PortalServer, database: Database, conn: Connection) -> None:
        self.server, self.portal, self.database, self.conn = server, server.portal, database, conn
        conn.prepare_threshold = None  # a prepared SELECT * fails once columns come: PostgreSQL's rule

    def sync(self, sync_type: SyncType = "incremental", entity: str = "deal", run_id: str | None = None) -> SyncReport:
        async def run() -> SyncReport:
            unlimited = LeakyBucket(capacity=100_000, leak=1000)
            async with PortalClient(WebhookUrl.parse(self.server.webhook_url), bucket=unlimited) as client:
                request = SyncRequest(entity_named(entity), sync_type, run_id=run_id, wait_seconds=5)
                return await sync_entity(client, lambda: self.database.connect("sync"), request)

        return asyncio.run(run())

    def follow(self, sync_type: SyncType = "incremental") -> dict[str, str]:
        """Sync, check that every cell is the portal's; answers the texts of what changed by kind and field."""
        report = self.sync(sync_type)
        self.assert_exact()
        told = {f"{change.kind} {change.field}": change.text for change in report.schema_changes}
        [logged] = self.one("SELECT schema_changes FROM app.sync_logs ORDER BY id DESC LIMIT 1")
        assert {f"{change['kind']} {change['field']}": change["text"] for change in logged} == told
        return told

    def assert_exact(self) -> None:
        deal = entity_named("deal")
        found = differences(self.conn, "deal", "deals", fields_of(deal, self.server), self.portal.rows("deal"))
        assert not found, f"{len(found)} differences, the first: {found[:5]}"

    def fill(self, code: str, value: Any, *, touch: bool = False) -> None:
        """Give every deal a value, by default without touching its modification time."""
        for number in self.portal.ids("deal"):
            self.portal.update("deal", number, {code: value}, raw=True, touch=touch)

    def one(self, query: str) -> Any:
        return self.conn.execute(query).fetchone()  # type: ignore[arg-type]

    def fields(self) -> list[Field]:
        described = {code: spec.descriptor() for code, spec in self.portal.fields["deal"].items()}
        return [item for item in parse_fields(described) if item.code not in entity_named("deal").never_listed]

    def view_columns(self, view: str = "crm.deals") -> list[str]:
        return [column.name for column in self.conn.execute(f"SELECT * FROM {view} LIMIT 0").description or ()]

    def comment(self, column: str) -> str:
        [text] = self.one(
            f"""SELECT col_description(attrelid, attnum) FROM pg_attribute
                WHERE attrelid = 'crm.deals'::regclass AND attname = '{column}'"""
        )
        return str(text)


@pytest.fixture
def mirror(server: PortalServer, database: Database, conn: Connection) -> Mirror:
    made = Mirror(server, database, conn)
    made.sync("full")
    return made


def test_a_field_that_is_added_is_read_for_rows_that_did_not_change(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "double", title="Вес")
    mirror.fill(FIELD, "12.5")
    told = mirror.follow()
    assert told == {f"field added {FIELD}": f"{FIELD} “Вес” is new, of type double: column uf_crm_drift."}
    assert mirror.one("SELECT sync_type FROM app.sync_logs ORDER BY id DESC LIMIT 1") == ("full",)
    assert mirror.one("SELECT count(*), sum(uf_crm_drift) FROM crm.deals") == (ROWS, 12.5 * ROWS)
    assert mirror.comment("uf_crm_drift").startswith("Вес — ")
    assert mirror.follow() == {}
    assert mirror.one("SELECT sync_type FROM app.sync_logs ORDER BY id DESC LIMIT 1") == ("incremental",)


def test_a_field_that_is_removed_keeps_its_column_and_comes_back_exact(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "string", title="Цвет")
    mirror.fill(FIELD, "red")
    mirror.follow()
    mirror.portal.remove_field("deal", FIELD)
    assert mirror.follow() == {
        f"field vanished {FIELD}": f"{FIELD} “Цвет” is no longer in the portal. uf_crm_drift keeps what it held."
    }
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE uf_crm_drift = 'red'") == (ROWS,)
    assert "No longer in the portal" in mirror.comment("uf_crm_drift")
    mirror.portal.add_field("deal", FIELD, "string", title="Цвет")
    mirror.fill(FIELD, "blue")
    assert mirror.follow() == {
        f"field returned {FIELD}": f"{FIELD} “Цвет” is in the portal again: column uf_crm_drift."
    }
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE uf_crm_drift = 'blue'") == (ROWS,)
    assert "No longer" not in mirror.comment("uf_crm_drift")


def test_a_field_that_is_deleted_and_made_again_between_two_syncs(mirror: Mirror) -> None:
    """The field list is the same as before, but for the id of the field; the values are gone."""
    mirror.portal.add_field("deal", FIELD, "string")
    mirror.fill(FIELD, "old")
    mirror.follow()
    mirror.portal.remove_field("deal", FIELD)
    mirror.portal.add_field("deal", FIELD, "string")
    text = f"{FIELD} was deleted in the portal and made again: column uf_crm_drift."
    assert mirror.follow() == {f"field returned {FIELD}": text}
    assert mirror.one("SELECT count(uf_crm_drift) FROM crm.deals") == (0,)


def test_a_field_whose_values_are_read_otherwise_in_the_same_column(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "integer")
    mirror.fill(FIELD, "0")
    mirror.follow()
    assert mirror.one("SELECT count(uf_crm_drift) FROM crm.deals") == (ROWS,)
    mirror.portal.retype_field("deal", FIELD, "employee")
    assert list(mirror.follow()) == [f"field retyped {FIELD}"]
    assert mirror.one("SELECT count(uf_crm_drift) FROM crm.deals") == (0,)  # no employee has the id 0


def test_a_field_that_is_retyped_twice_and_back(mirror: Mirror) -> None:
    portal = mirror.portal
    portal.add_field("deal", FIELD, "string", title="Срок")
    mirror.fill(FIELD, "7")
    mirror.follow()
    portal.retype_field("deal", FIELD, "double")
    told = mirror.follow()
    assert told == {
        f"field retyped {FIELD}": f"{FIELD} “Срок” was of type string and is of type double now: column "
        "uf_crm_drift_numeric. uf_crm_drift keeps what it held."
    }
    assert mirror.one("SELECT sum(uf_crm_drift_numeric), min(uf_crm_drift) FROM crm.deals") == (7 * ROWS, "7")
    assert "is of another type now and is in uf_crm_drift_numeric" in mirror.comment("uf_crm_drift")
    portal.retype_field("deal", FIELD, "date", convert=lambda value: "2026-03-01T03:00:00+03:00")
    assert "column uf_crm_drift_date." in mirror.follow()[f"field retyped {FIELD}"]
    portal.retype_field("deal", FIELD, "string", convert=lambda value: "back")
    assert "column uf_crm_drift. uf_crm_drift_date keeps" in mirror.follow()[f"field retyped {FIELD}"]
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE uf_crm_drift = 'back'") == (ROWS,)
    columns = [name for name in mirror.view_columns() if name.startswith("uf_crm_drift")]
    assert columns == ["uf_crm_drift", "uf_crm_drift_numeric", "uf_crm_drift_date"]


def test_a_field_that_is_made_multiple_and_single_again(mirror: Mirror) -> None:
    portal = mirror.portal
    portal.add_field("deal", FIELD, "string")
    mirror.fill(FIELD, "a")
    mirror.follow()
    portal.retype_field("deal", FIELD, "string", multiple=True)
    assert "is of type string, several values now: column uf_crm_drift_text_list." in str(mirror.follow())
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE uf_crm_drift_text_list = '{a}'") == (ROWS,)
    portal.retype_field("deal", FIELD, "string", convert=lambda value: "b")
    mirror.follow()
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE uf_crm_drift = 'b'") == (ROWS,)


def test_a_title_that_is_renamed_changes_words_alone(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "string", title="Раньше")
    mirror.follow()
    before = mirror.one("SELECT xmin FROM pg_rewrite WHERE ev_class = 'crm.deals'::regclass")
    mirror.portal.rename_field("deal", FIELD, "Теперь")
    assert mirror.follow() == {f"field renamed {FIELD}": f"{FIELD} is called “Теперь” now, it was “Раньше”."}
    assert mirror.comment("uf_crm_drift").startswith("Теперь — ")
    assert mirror.one("SELECT xmin FROM pg_rewrite WHERE ev_class = 'crm.deals'::regclass") == before
    assert mirror.one("SELECT sync_type FROM app.sync_logs ORDER BY id DESC LIMIT 1") == ("incremental",)


def test_options_that_are_added_renamed_and_deleted(mirror: Mirror) -> None:
    portal, field = mirror.portal, f"deal.{FIELD}"
    portal.add_field("deal", FIELD, "enumeration", title="Цвет", options=["red", "green"])
    red, green = (option.id for option in portal.fields["deal"][FIELD].options)
    mirror.fill(FIELD, str(red))
    mirror.follow()
    mirror.sync("full", "field_option")
    portal.rename_option("deal", FIELD, green, "lime")
    portal.add_option("deal", FIELD, "blue")
    portal.delete_option("deal", FIELD, red)
    told = [(change.kind, change.field, change.text) for change in mirror.sync("full", "field_option").schema_changes]
    assert told == [
        ("option renamed", field, f"Options of {field} renamed: “green” to “lime”."),
        ("option added", field, f"Options of {field} added: “blue”."),
        (
            "option removed",
            field,
            f"Options of {field} removed: “red”. Rows that hold them keep them, with their text.",
        ),
    ]
    assert mirror.one("SELECT DISTINCT uf_crm_drift, uf_crm_drift_label FROM crm.deals") == (red, "red")
    assert mirror.sync("full", "field_option").schema_changes == ()


def test_a_field_that_goes_with_most_options_holds_nothing_back(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "enumeration", options=[f"option {n}" for n in range(500)])
    mirror.sync("full", "field_option")
    mirror.portal.remove_field("deal", FIELD)
    report = mirror.sync("full", "field_option")
    assert (report.counts.deleted, report.comparison.held_back) == (500, 0)
    [change] = report.schema_changes
    assert change.text.startswith(f"Options of deal.{FIELD} removed: “option 0”, ")
    assert "and 480 more" in change.text


def test_a_field_of_a_smart_process_comes_and_goes(mirror: Mirror) -> None:
    code = "PARENT_ID_1220"
    mirror.portal.add_field("deal", code, "crm_entity", title="Проект", custom=False)
    mirror.fill(code, "17")
    assert list(mirror.follow()) == [f"field added {code}"]
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE parent_id_1220 = 17") == (ROWS,)
    mirror.portal.remove_field("deal", code)
    assert list(mirror.follow()) == [f"field vanished {code}"]
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE parent_id_1220 = 17") == (ROWS,)
    mirror.portal.add_field("deal", code, "crm_entity", title="Проект", custom=False)
    assert list(mirror.follow()) == [f"field returned {code}"]
    assert mirror.one("SELECT count(parent_id_1220) FROM crm.deals") == (0,)


def test_names_that_are_too_long_alike_or_taken(mirror: Mirror) -> None:
    """Cut to 63 bytes, different only in case, those of our own and PostgreSQL's columns, with odd characters."""
    long = "UF_CRM_" + "ОЧЕНЬ_ДЛИННОЕ_НАЗВАНИЕ_ПОЛЯ_" * 3
    codes = [long + "1", long + "2", "UF_CRM_CASE", "uf_crm_case", "Uf_Crm_Case", "_SYNCED_AT", "_deleted_at", "_EXTRA"]
    codes += ["XMIN", "CTID", "ORDER", 'UF_"QUOTED"', "UF_%s{0}", "UF_CRM_MONEY", "UF_CRM_MONEY_CURRENCY"]
    for code in codes:
        mirror.portal.add_field("deal", code, "money" if code == "UF_CRM_MONEY" else "string")
        mirror.fill(code, "5|RUB" if code == "UF_CRM_MONEY" else f"value of {code}")
    told = mirror.follow()
    assert sorted(told) == sorted(f"field added {code}" for code in codes)
    names = dict(
        mirror.conn.execute("SELECT field_code, column_name FROM app.table_columns WHERE part = 'value'").fetchall()
    )
    assert len({names[code] for code in codes}) == len(codes)
    assert all(len(names[code].encode()) <= 63 for code in codes)
    shown = set(mirror.view_columns())
    assert {names[code] for code in codes} <= shown
    assert mirror.follow() == {}


def test_a_title_of_broken_characters(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "string", title="cut \ud83d\x00 emoji")
    mirror.fill(FIELD, "x")
    assert "“cut  emoji” is new" in mirror.follow()[f"field added {FIELD}"]
    assert mirror.follow() == {}


def test_the_label_of_a_field_that_lost_its_list_stays_for_what_was_built_on_it(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "enumeration", options=["red"])
    [option] = mirror.portal.fields["deal"][FIELD].options
    mirror.fill(FIELD, str(option.id))
    mirror.follow()
    mirror.sync("full", "field_option")
    mirror.conn.execute("CREATE VIEW public.report AS SELECT id, uf_crm_drift_label AS colour FROM crm.deals")
    mirror.conn.execute("GRANT SELECT ON crm.deals TO pg_read_all_stats")
    assert mirror.one("SELECT DISTINCT colour FROM public.report") == ("red",)
    mirror.portal.retype_field("deal", FIELD, "integer")  # the same column, but no list any more
    assert list(mirror.follow()) == [f"field retyped {FIELD}"]
    assert mirror.one("SELECT count(*), count(colour) FROM public.report") == (ROWS, 0)
    assert "Nothing fills this column any more" in mirror.comment("uf_crm_drift_label")
    mirror.portal.retype_field("deal", FIELD, "enumeration")
    mirror.portal.fields["deal"][FIELD].options.append(option)
    mirror.follow()
    assert mirror.one("SELECT DISTINCT colour FROM public.report") == ("red",)
    assert mirror.one("SELECT has_table_privilege('pg_read_all_stats', 'crm.deals', 'SELECT')") == (True,)


def test_a_field_that_is_called_like_a_label_of_ours(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "enumeration", options=["red"])
    mirror.follow()
    mirror.conn.execute("CREATE VIEW public.report AS SELECT id, uf_crm_drift_label FROM crm.deals")
    mirror.portal.add_field("deal", f"{FIELD}_LABEL", "double")
    mirror.portal.add_field("deal", "STAGE_NAME", "integer", custom=False)
    told = mirror.follow()
    assert told[f"field added {FIELD}_LABEL"].endswith("column uf_crm_drift_label_numeric.")
    assert told["field added STAGE_NAME"].endswith("column stage_name_int8.")
    assert mirror.one("SELECT pg_typeof(uf_crm_drift_label)::text FROM crm.deals LIMIT 1") == ("text",)


def test_what_somebody_dropped_by_hand_is_made_again(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "string")
    mirror.fill(FIELD, "x")
    mirror.follow()
    mirror.conn.execute("ALTER TABLE bitrix.deals DROP COLUMN uf_crm_drift CASCADE")
    assert mirror.sync().columns_added == ("uf_crm_drift",)
    mirror.assert_exact()
    assert mirror.one("SELECT count(uf_crm_drift) FROM crm.deals") == (ROWS,)
    mirror.conn.execute("DROP VIEW crm.deals")
    assert mirror.sync().views_changed == ("deals",)
    mirror.conn.execute("DROP TABLE bitrix.deals CASCADE")
    mirror.sync()
    mirror.assert_exact()
    assert mirror.one("SELECT count(*) FROM crm.deals") == (ROWS,)
    mirror.conn.execute("DROP TABLE bitrix.users CASCADE")
    mirror.sync()
    assert mirror.one("SELECT count(*), count(assigned_by_name) FROM crm.deals") == (ROWS, 0)


def test_four_hundred_fields(mirror: Mirror) -> None:
    kinds = ("string", "double", "enumeration", "date", "employee", "money", "crm_status", "boolean")
    for number in range(400):
        options = ("a", "b") if kinds[number % 8] == "enumeration" else ()
        mirror.portal.add_field("deal", f"UF_CRM_{number}", kinds[number % 8], title=f"Поле {number}", options=options)
    began = time.monotonic()
    told = mirror.follow()
    assert len(told) == 400
    assert mirror.follow() == {}
    assert time.monotonic() - began < 20  # about two seconds on an idle machine
    assert {"uf_crm_0", "uf_crm_2_label", "uf_crm_4_name", "uf_crm_5_currency"} <= set(mirror.view_columns())


def test_rows_that_are_wider_than_a_page(mirror: Mirror) -> None:
    """PostgreSQL's page has 8 kB, and of a short text nothing is moved out of line."""
    codes = [f"UF_CRM_{number}" for number in range(400)]
    for code in codes:
        mirror.portal.add_field("deal", code, "string")
    full, long, half = mirror.portal.ids("deal")[:3]
    mirror.portal.update("deal", full, {code: f"{code:>20}" for code in codes}, touch=False)
    mirror.portal.update("deal", long, {code: f"{code} съешь ещё этих мягких булок" * 9 for code in codes}, touch=False)
    mirror.portal.update("deal", half, {code: f"{code:>20}" for code in codes[::2]}, touch=False)
    report = mirror.sync()
    assert report.counts.fetched == ROWS
    moved = mirror.one(f"SELECT coalesce(_extra, '{{}}') FROM bitrix.deals WHERE id = {full}")[0]
    assert 0 < len(moved) < 150
    assert moved == {code: f"{code:>20}" for code in codes[-len(moved) :]}
    reasons = mirror.conn.execute("SELECT row_id, field FROM app.sync_issues WHERE reason ~ '8 kB'").fetchall()
    assert sorted(reasons) == sorted((str(full), code) for code in moved)
    stored = dict(mirror.conn.execute("SELECT id, uf_crm_399 FROM crm.deals WHERE id > 0").fetchall())
    assert stored[full] is None
    assert stored[long] == "UF_CRM_399 съешь ещё этих мягких булок" * 9
    mirror.portal.update("deal", full, dict.fromkeys(codes[100:], ""))
    mirror.sync()
    mirror.assert_exact()
    assert mirror.one("SELECT count(*) FROM app.sync_issues") == (0,)


def test_what_vanished_fields_left_counts_when_a_row_is_full(mirror: Mirror) -> None:
    codes = [f"UF_CRM_{number}" for number in range(300)]
    for code in codes:
        mirror.portal.add_field("deal", code, "string")
    first = mirror.portal.ids("deal")[0]
    mirror.portal.update("deal", first, {code: f"{code:>20}" for code in codes}, touch=False)
    mirror.follow()
    for code in codes:
        mirror.portal.retype_field("deal", code, "url", multiple=True)
    mirror.sync()
    columns = mirror.one(
        f"SELECT num_nonnulls({', '.join(code.lower() for code in codes[:90])}) FROM crm.deals WHERE id = {first}"
    )
    assert columns == (90,)  # nothing of the old is lost
    kept = mirror.conn.execute("SELECT row_id FROM app.sync_issues WHERE reason ~ '8 kB'").fetchall()
    assert set(kept) == {(str(first),)}
    assert 200 < len(kept) < 300
    assert len(mirror.one(f"SELECT _extra FROM bitrix.deals WHERE id = {first}")[0]) == len(kept)


def test_more_columns_than_postgresql_allows(mirror: Mirror) -> None:
    """What has no column is in _extra, is named with what to do, and gets its column when the table is made anew."""
    portal = mirror.portal
    mirror.conn.execute("ALTER TABLE bitrix.deals ADD COLUMN mine int, ADD COLUMN dropped int")
    mirror.conn.execute("ALTER TABLE bitrix.deals DROP COLUMN dropped")
    [room] = mirror.one("SELECT 1600 - max(attnum) FROM pg_attribute WHERE attrelid = 'bitrix.deals'::regclass")
    codes = [f"UF_CRM_{number}" for number in range(room + 20)]
    for code in codes:
        portal.add_field("deal", code, "enumeration", title=f"Поле {code}")
    mirror.fill(codes[-1], "5")
    report = mirror.sync()
    assert report.without_column == tuple(codes[room:])
    told = {change.field: change.text for change in report.schema_changes if change.kind == "field without column"}
    assert list(told) == codes[room:]
    assert (
        "has no column, its values are in _extra. bitrix.deals has as many columns as PostgreSQL allows"
        in told[codes[-1]]
    )
    assert mirror.one("SELECT DISTINCT _extra FROM bitrix.deals") == ({codes[-1]: "5"},)
    assert mirror.one(f"SELECT count(*) FROM crm.deals WHERE _extra ->> '{codes[-1]}' = '5'") == (ROWS,)
    [incomplete] = [change for change in report.schema_changes if change.kind == "view incomplete"]
    assert incomplete.text.startswith(
        "crm.deals has as many columns as PostgreSQL allows, 1,600. It goes without uf_crm_"
    )
    assert len(mirror.view_columns()) == 1600
    shown = set(mirror.view_columns())
    assert {"stage_name", "is_won", "mine", "_extra", "_synced_at"} - shown == {"mine"}
    missing = [code.lower() for code in codes[:room] if code.lower() not in shown]
    assert f"It goes without {', '.join(missing[:10])}" in incomplete.text  # labels were there before
    again = mirror.sync()
    assert (again.schema_changes, again.without_column) == ((), tuple(codes[room:]))
    assert again.sync_type == "incremental"
    for code in codes[:40]:
        portal.remove_field("deal", code)
    mirror.conn.execute("DROP TABLE bitrix.deals CASCADE")
    assert mirror.sync().without_column == ()
    mirror.assert_exact()
    assert mirror.one("SELECT count(*) FROM app.fields_without_column") == (0,)
    assert "_extra" not in mirror.view_columns()


def test_a_field_that_an_event_brought_is_filled_by_the_next_sync(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "string")
    mirror.fill(FIELD, "x")
    report = mirror.sync("events")
    assert (report.columns_added, report.sync_type, report.counts.fetched) == (("uf_crm_drift",), "events", 0)
    assert mirror.sync("events").sync_type == "events"
    assert mirror.follow() == {}
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE uf_crm_drift = 'x'") == (ROWS,)
    assert mirror.sync().sync_type == "incremental"


def test_a_sync_that_fails_has_told_what_changed_and_the_next_one_fills_it(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.portal.add_field("deal", FIELD, "string")
    mirror.fill(FIELD, "x")
    with monkeypatch.context() as broken:
        broken.setattr(SyncSteps, "_begin", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            mirror.sync()
    status, changes = mirror.one("SELECT status, schema_changes FROM app.sync_logs ORDER BY id DESC LIMIT 1")
    assert status == "failed"
    assert [(change["kind"], change["field"]) for change in changes] == [("field added", FIELD)]
    assert mirror.follow() == {}
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE uf_crm_drift = 'x'") == (ROWS,)


def test_a_full_sync_that_was_cut_off_reads_a_field_that_went_and_came_back(mirror: Mirror) -> None:
    mirror.portal.add_field("deal", FIELD, "string")
    mirror.follow()
    mirror.conn.execute(
        """INSERT INTO app.full_syncs (entity, watermark, design, done) SELECT 'deal', now(), %s, '{[1,100000)}'""",
        (design_hash(ensure_table(mirror.conn, entity_named("deal"), mirror.fields()).table),),
    )
    mirror.portal.remove_field("deal", FIELD)
    mirror.sync("events")
    mirror.portal.add_field("deal", FIELD, "string")
    mirror.fill(FIELD, "x")
    mirror.follow()
    assert mirror.one("SELECT count(*) FROM crm.deals WHERE uf_crm_drift = 'x'") == (ROWS,)


def test_the_key_keeps_its_type_and_is_never_missing(mirror: Mirror) -> None:
    mirror.portal.retype_field("deal", "ID", "string")
    assert mirror.sync("full").counts.unchanged == ROWS
    assert mirror.one("SELECT pg_typeof(max(id))::text FROM crm.deals") == ("bigint",)
    del mirror.portal.fields["deal"]["ID"]
    with pytest.raises(MalformedAnswerError, match="does not describe the key ID"):
        mirror.sync()


def test_dagster_and_the_command_tell_what_changed(
    run_job: RunJob, server: PortalServer, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_job("sync_deal")
    portal = server.portal
    portal.add_field("deal", FIELD, "string", title="Цвет")
    portal.add_field("deal", f"{FIELD}_2", "string", title="Вес")
    first = run_job("sync_deal", "incremental")
    shown = metadata(first, "deals")
    assert shown["schema changes"] == 2
    assert shown["field added"].splitlines() == [
        f"{FIELD} “Цвет” is new, of type string: column uf_crm_drift.",
        f"{FIELD}_2 “Вес” is new, of type string: column uf_crm_drift_2.",
    ]
    assert shown["sync type"] == "full"
    assert checks(first, "deals")["schema_is_followed"].passed
    assert "schema changes" not in metadata(run_job("sync_deal", "incremental"), "deals")
    portal.remove_field("deal", FIELD)
    portal.add_field("deal", f"{FIELD}_3", "string")
    monkeypatch.setattr(definition_locks, "PAUSES", ())
    conn.execute("BEGIN")
    conn.execute("SELECT FROM crm.deals")
    held = run_job("sync_deal", "incremental")
    conn.execute("COMMIT")
    shown = metadata(held, "deals")
    assert shown["field vanished"].startswith(f"{FIELD} “Цвет” is no longer in the portal.")
    assert shown["fields without a column"] == f"{FIELD}_3"
    check = checks(held, "deals")["schema_is_followed"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert f"1 fields have no column: {FIELD}_3." in (check.description or "")
    assert "the next sync adds the columns" in (check.description or "")
    run_id = conn.execute("SELECT run_id FROM app.sync_logs ORDER BY id DESC LIMIT 1").fetchone()
    [outcome] = read_outcomes(Database(os.environ["DATABASE_URL"]), [run_id[0]] if run_id else [])
    assert [change["kind"] for change in outcome.schema_changes][:2] == ["field vanished", "field without column"]


@pytest.mark.parametrize("seed", range(2))
def test_any_order_of_changes_and_syncs(mirror: Mirror, seed: int) -> None:
    """A random walk: after every sync that reads what changed the mirror is exact, whatever came before."""
    chance, portal = random.Random(seed), mirror.portal
    codes = [f"{FIELD}_{number}" for number in range(3)]
    values = {"string": "text", "double": "1.5", "integer": "7", "enumeration": "3", "money": "5|RUB", "employee": "1"}
    steps: list[str] = []
    retyped: set[str] = set()  # to and fro between two syncs leaves no trace

    def change(code: str) -> None:
        kind, multiple = chance.choice(list(values)), chance.random() < 0.3
        field = portal.fields["deal"].get(code)
        there = field is not None
        what = chance.choice(("retype", "rename", "remove", "values")) if there else "add"
        if what == "retype" and (code in retyped or (field and (field.type, field.multiple) == (kind, multiple))):
            return
        steps.append(f"{what} {code} {kind} {multiple}")
        if what == "remove":
            portal.remove_field("deal", code)
        elif what == "rename":
            portal.rename_field("deal", code, f"title {chance.random()}")
        else:
            if what == "add":
                portal.add_field("deal", code, kind, multiple=multiple)
            elif what == "retype":
                retyped.add(code)
                portal.retype_field("deal", code, kind, multiple=multiple, convert=lambda _: False if multiple else "")
            field = portal.fields["deal"][code]
            value = values[field.type]
            for number in chance.sample(portal.ids("deal"), 20):
                # What a field held before it changed its type may be set without a trace; later changes leave one.
                portal.update("deal", number, {code: [value] if field.multiple else value}, touch=what == "values")

    for _ in range(25):
        if chance.random() < 0.6:
            change(chance.choice(codes))
            continue
        sync_type: SyncType = chance.choice(("events", "incremental", "incremental", "full"))
        steps.append(sync_type)
        retyped.clear()
        if sync_type == "events":
            mirror.sync(sync_type)
            continue
        try:
            mirror.follow(sync_type)
        except AssertionError as error:
            raise AssertionError(f"{error} after {'; '.join(steps)}") from None
    mirror.follow()
