"""dbt's lineage names the dashboards and the views that their charts read."""

from __future__ import annotations

from tests.warehouse.schema_docs.conftest import Connection
from warehouse.schema_docs.catalog import read_catalog
from warehouse.schema_docs.dbt import exposures_yml
from warehouse.schema_docs.exposures import dashboards_changed_at, read_exposures

STATEMENTS = (
    "WITH won AS (SELECT * FROM crm.deals WHERE is_won)"
    " SELECT count(*) FROM won JOIN Statuses s ON s.status_id = stage_id",
    "SELECT 1 FROM crm_pipelines -- crm.currencies",
    "this is no SQL",
)


def test_a_dashboard_is_an_exposure_of_what_its_charts_read(filled: Connection) -> None:
    assert dashboards_changed_at(filled) is None
    assert [exposure.name for exposure in read_exposures(filled, read_catalog(filled))] == ["charts"]
    [[dashboard]] = filled.execute(
        "INSERT INTO app.dashboards (title, lang) VALUES ('{{ x }} Продажи', 'ru') RETURNING id"
    ).fetchall()
    for statement in STATEMENTS:
        filled.execute(
            """WITH chart AS (
                   INSERT INTO app.charts (title, lang, sql, template) VALUES ('x', 'ru', %s, '{}') RETURNING id)
               INSERT INTO app.dashboard_charts SELECT %s, id FROM chart""",
            (statement, dashboard),
        )
    [_, exposure] = read_exposures(filled, read_catalog(filled))
    assert exposure.name == f"dashboard_{dashboard}"
    assert set(exposure.tables) == {"deals", "statuses", "pipelines"}
    assert "{{" not in exposures_yml([exposure])
    assert dashboards_changed_at(filled) is not None
