"""``dlt`` with its REST source, the merge disposition and its default settings."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # it is read on import

import dlt
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.typing import RESTAPIConfig

DATASET = "dlt_deals"
LONG_AGO = "2000-01-01T00:00:00+03:00"


def config(webhook_url: str) -> RESTAPIConfig:
    """Pages by offset, as the portal offers them; what changed since the greatest ``DATE_MODIFY`` seen."""
    return {
        "client": {
            "base_url": webhook_url,
            "paginator": {
                "type": "offset",
                "limit": 50,
                "offset_param": "start",
                "limit_param": "limit",
                "total_path": "total",
            },
        },
        "resources": [
            {
                "name": "deals",
                "primary_key": "ID",
                "write_disposition": "merge",
                "endpoint": {
                    "path": "crm.deal.list",
                    "data_selector": "result",
                    "params": {
                        "select[]": ["*", "UF_*"],
                        "order[ID]": "ASC",
                        "filter[>=DATE_MODIFY]": "{incremental.start_value}",
                    },
                    "incremental": {"cursor_path": "DATE_MODIFY", "initial_value": LONG_AGO},
                },
            }
        ],
    }


def main() -> None:
    """Copy the deals and print what it took. The pipeline itself knows whether it is the first time."""
    begun = time.monotonic()
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=str(Path(os.environ["BENCH_HOME"]) / "dlt"),
        destination=dlt.destinations.postgres(os.environ["BENCH_DATABASE_URL"]),
        dataset_name=DATASET,
    )
    pipeline.run(rest_api_source(config(os.environ["BENCH_WEBHOOK_URL"])))
    seconds = time.monotonic() - begun
    trace = pipeline.last_trace
    if trace is None or trace.last_normalize_info is None:
        raise RuntimeError("dlt does not tell what it did")
    rows = trace.last_normalize_info.row_counts.get("deals", 0)
    print(json.dumps({"rows": rows, "seconds": seconds}))


if __name__ == "__main__":
    main()
