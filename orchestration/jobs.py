"""Jobs: one sync for each entity, and one of everything, which also documents the schema."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from bitrix.entities import ENTITIES, Entity
from orchestration.assets import asset_key
from orchestration.schema_docs import SCHEMA_DOCS
from orchestration.sync_config import SyncConfig
from orchestration.table_checks import table_checks

SYNC_ALL = "sync_all"


def job_name(entity: Entity) -> str:
    """``sync_deal`` for deals."""
    return f"sync_{entity.name}"


def _sync_job(
    name: str, entities: Sequence[Entity], *, tag: str, description: str, then: Sequence[dg.AssetKey] = ()
) -> Any:
    keys = [asset_key(entity) for entity in entities]

    @dg.config_mapping
    def every_asset(config: SyncConfig) -> dict[str, Any]:
        given = {"sync_type": config.sync_type.value, "accept_deletions": config.accept_deletions}
        ops = {key.to_python_identifier(): {"config": given} for key in keys}
        return {"ops": ops, "loggers": {"console": {}}}

    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*keys, *then) - dg.AssetSelection.checks(table_checks),
        config=every_asset,
        description=description,
        tags={"entity": tag},
        executor_def=dg.in_process_executor,  # a second process would add two seconds to every run
    )


JOBS_BY_ENTITY = {
    entity.name: _sync_job(
        job_name(entity), [entity], tag=entity.name, description=f"One sync of {entity.title.lower()}."
    )
    for entity in ENTITIES
}

JOBS = [
    *JOBS_BY_ENTITY.values(),
    _sync_job(SYNC_ALL, ENTITIES, tag="all", description="One sync of every table.", then=[SCHEMA_DOCS]),
]
