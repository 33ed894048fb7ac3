"""Writes the documents into a dbt project on disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from warehouse.schema_docs.catalog import Catalog
from warehouse.schema_docs.dbt import Exposure, doc_blocks, exposures_yml, sources_yml
from warehouse.schema_docs.markdown import LANGS, Lang, markdown, overview
from warehouse.schema_docs.prompt import prompt_text
from warehouse.schema_docs.statistics import Statistics

PROJECT = Path(__file__).parents[2] / "dbt_docs"
"""The project as it comes with the code: everything but what is generated."""

_STATIC = ("dbt_project.yml", "profiles.yml")


def write_project(
    directory: Path, catalog: Catalog, statistics: Statistics, exposures: Sequence[Exposure], lang: Lang = "ru"
) -> list[Path]:
    """Bring the project in ``directory`` up to date; answers the files that changed.

    A directory that is no project yet gets the project's own files first. Raises ``OSError``.
    """
    written = []
    generated = directory / "models" / "generated"
    generated.mkdir(parents=True, exist_ok=True)
    (directory / "docs").mkdir(exist_ok=True)
    for name in _STATIC:
        if not (directory / name).exists():
            shutil.copyfile(PROJECT / name, directory / name)
            written.append(directory / name)
    texts = {directory / "docs" / f"crm.{each}.md": markdown(catalog, statistics, each) for each in LANGS}
    texts[directory / "docs" / "crm.prompt.txt"] = prompt_text(catalog)
    texts[generated / "sources.yml"] = sources_yml(catalog, lang)
    texts[generated / "docs.md"] = doc_blocks(catalog, overview(catalog, statistics, lang), lang)
    texts[generated / "exposures.yml"] = exposures_yml(exposures)
    written += [path for path, text in texts.items() if _replaced(path, text)]
    return written


def _replaced(path: Path, text: str) -> bool:
    """Write a file at once or not at all, so that dbt never reads half of it. False: it had this text already."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".", suffix=".tmp", delete=False
    ) as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
    return True
