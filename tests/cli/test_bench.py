"""The parts of ``b24 bench --compare``, on a portal of a few deals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cli.bench.compared.rounds import Place, Round
from cli.bench.compared.tools import OTHERS, OURS, Tool
from cli.bench.measured import measure
from cli.bench.wal import Written, by_owner, written_by
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from tests.conftest import PostgresServer
from warehouse.database import Database

DEALS = 230


@pytest.fixture
def portal() -> Iterator[PortalServer]:
    with PortalServer(Portal.generate(seed=1, deals=DEALS), limits=False) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, database: Database, portal: PortalServer) -> Iterator[Place]:
    with Place(tmp_path, database, portal.webhook_url, limits=False) as place:
        yield place


def check(done: Round) -> None:
    """All deals came, then the two that changed, and the copy is what the portal has."""
    assert done.wrong == 0
    assert done.full.rows == DEALS
    assert done.full.refused == 0
    assert done.changes.rows >= 2
    assert 0 < done.full.seconds < done.full.run.seconds
    assert done.full.run.peak_mb > 10


@pytest.mark.parametrize("tool", OTHERS, ids=lambda tool: tool.schema)
def test_the_others_copy_every_deal_and_what_changed(place: Place, tool: Tool) -> None:
    if not tool.installed:
        pytest.skip(f"{tool.needs} is not installed; `make install` brings it")
    [done] = place.round([tool], seed=1)
    check(done)
    assert done.changes.rows < DEALS, "the second run reads what changed, not everything"


def test_we_copy_every_deal_and_what_changed(place: Place) -> None:
    [done] = place.round([OURS], seed=1)
    check(done)


def test_the_load_of_recorded_answers_is_compared_with_a_bare_copy(place: Place) -> None:
    figures = place.program("cli.bench.load", "the load")
    assert figures["rows"] == DEALS
    for bare in ("bare_upsert", "bare_merge"):
        ratio = figures["from_bytes_rows_per_second"] / figures[f"{bare}_rows_per_second"]
        assert figures[f"of_{bare}"] == pytest.approx(ratio, rel=0.02)


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)the copy failed: .*KeyError.*BENCH_HOME"):
        measure("cli.bench.compared.dlt_pipeline", environment={}, what="the copy")


def test_what_is_written_is_told_by_table(postgres: PostgresServer, database: Database) -> None:
    with psycopg.connect(postgres.admin_url) as conn:
        if conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() != (True,):
            pytest.skip("only a superuser may read PostgreSQL's log")
    with database.connect("test", autocommit=True) as conn:
        conn.execute("CREATE SCHEMA bitrix_test CREATE TABLE bitrix_test.deals (id int PRIMARY KEY, note text)")

        def write() -> None:
            conn.execute(
                "INSERT INTO bitrix_test.deals SELECT n, repeat(md5(n::text), 200) FROM generate_series(1, 50) n"
            )

        written = {item.what: item for item in written_by(postgres.admin_url, database.url, write)}
        assert written["bitrix_test.deals"].records >= 100, "the rows, their index and what is out of line"
        nothing = written_by(postgres.admin_url, database.url, lambda: conn.execute("SELECT * FROM bitrix_test.deals"))
        assert "bitrix_test.deals" not in {item.what for item in nothing}
        rows = [Written("bitrix.deals", 2, 100), Written("Transaction", 1, 30), Written("app.sync_logs", 1, 60)]
        owned = by_owner(rows)
        assert (owned["mirror"], owned["the sync's logs"], owned["commits"], owned["catalogs"]) == (100, 60, 30, 0)
