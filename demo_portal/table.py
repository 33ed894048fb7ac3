"""Rows of one entity in memory: lists of wire values under one list of columns, sorted by id.

200,000 deals as dictionaries would take a gigabyte; as lists they take a third of that, and building the dictionary of
an answer from a list costs two microseconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from demo_portal.schema import MULTIFIELDS

Row = Sequence[Any]


class _Missing:
    """Marks a key that a row does not have."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


class Table:
    """Columns and rows of one entity.

    ``ids``, ``rows`` and ``modified`` (seconds since 1970) run in parallel, ascending by id. Rows are replaced, never
    changed in place, so a reader may keep a slice. A contact detail is kept as ``((id, value type, value), …)``.
    """

    def __init__(self, name: str, columns: Iterable[str]) -> None:
        self.name = name
        self.columns: list[str] = list(columns)
        self.position: dict[str, int] = {code: index for index, code in enumerate(self.columns)}
        self.ids: list[int] = []
        self.rows: list[Row] = []
        self.modified: list[int] = []
        self.irregular: set[int] = set()  # ids of rows that lack a key
        self.hidden: dict[int, tuple[Row, int]] = {}
        self.last_id = 0
        self.version = 0
        self._since: tuple[int, int, list[int]] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    # -- rows

    def index(self, row_id: int) -> int | None:
        """Where the row of this id is, or None."""
        at = bisect_left(self.ids, row_id)
        return at if at < len(self.ids) and self.ids[at] == row_id else None

    def append(self, row_id: int, row: Row, modified: int) -> None:
        """Add a row with an id above all others. Raises ``ValueError`` if it is not above."""
        if row_id <= self.last_id:
            raise ValueError(f"{self.name} {row_id}: ids only grow, the last one is {self.last_id}")
        self.ids.append(row_id)
        self.rows.append(row)
        self.modified.append(modified)
        self.last_id = row_id
        self.version += 1

    def replace(self, row_id: int, row: Row, modified: int) -> None:
        """Put another row in its place. Raises ``KeyError`` if there is none."""
        at = self._at(row_id)
        self.rows[at] = row
        self.modified[at] = modified
        self.version += 1

    def delete(self, row_id: int) -> None:
        """Remove a row for good. Raises ``KeyError`` if there is none."""
        at = self._at(row_id)
        del self.ids[at], self.rows[at], self.modified[at]
        self.irregular.discard(row_id)
        self.version += 1

    def _at(self, row_id: int) -> int:
        at = self.index(row_id)
        if at is None:
            raise KeyError(f"no {self.name} with id {row_id}")
        return at

    def hide(self, row_ids: set[int]) -> None:
        """Make rows invisible, as when the webhook's owner loses the right to read them."""
        keep = [at for at, row_id in enumerate(self.ids) if row_id not in row_ids]
        gone = [at for at, row_id in enumerate(self.ids) if row_id in row_ids]
        self.hidden |= {self.ids[at]: (self.rows[at], self.modified[at]) for at in gone}
        self._take([(self.ids[at], self.rows[at], self.modified[at]) for at in keep])

    def restore(self) -> None:
        """Make all hidden rows visible again."""
        rows = [*zip(self.ids, self.rows, self.modified, strict=True)]
        rows += [(row_id, row, modified) for row_id, (row, modified) in self.hidden.items()]
        self.hidden.clear()
        self._take(sorted(rows, key=itemgetter(0)))

    def _take(self, rows: list[tuple[int, Row, int]]) -> None:
        self.ids = [row[0] for row in rows]
        self.rows = [row[1] for row in rows]
        self.modified = [row[2] for row in rows]
        self.version += 1

    def modified_since(self, epoch: int) -> list[int]:
        """Indexes of rows modified at or after an instant, ascending. The last answer is kept: batches ask alike."""
        if self._since is None or self._since[:2] != (self.version, epoch):
            found = [at for at, modified in enumerate(self.modified) if modified >= epoch]
            self._since = (self.version, epoch, found)
        return self._since[2]

    # -- columns

    def add_column(self, code: str, value: Any) -> None:
        """Add a column; every row gets ``value``."""
        if code in self.position:
            raise ValueError(f"{self.name} has a field {code} already")
        self.position[code] = len(self.columns)
        self.columns.append(code)
        self.rows = [[*row, value] for row in self.rows]
        self.hidden = {row_id: ([*row, value], modified) for row_id, (row, modified) in self.hidden.items()}
        self.version += 1

    def remove_column(self, code: str) -> None:
        """Remove a column with its values. Raises ``KeyError`` if there is none."""
        at = self.position[code]
        del self.columns[at]
        self.position = {name: index for index, name in enumerate(self.columns)}
        self.rows = [[*row[:at], *row[at + 1 :]] for row in self.rows]
        self.hidden = {
            row_id: ([*row[:at], *row[at + 1 :]], modified) for row_id, (row, modified) in self.hidden.items()
        }
        self.version += 1

    def change_column(self, code: str, change: Callable[[Any], Any]) -> None:
        """Put another value into every row. Raises ``KeyError`` if there is no such column."""
        at = self.position[code]
        self.rows = [[*row[:at], change(row[at]), *row[at + 1 :]] for row in self.rows]
        self.hidden = {
            row_id: ([*row[:at], change(row[at]), *row[at + 1 :]], modified)
            for row_id, (row, modified) in self.hidden.items()
        }
        self.version += 1

    # -- answers

    def projector(self, codes: Sequence[str]) -> Callable[[int, Row], dict[str, Any]]:
        """A function from (id, row) to the dictionary of an answer with these keys. Unknown codes are left out."""
        plain = [code for code in codes if code in self.position and code not in MULTIFIELDS]
        details = [(code, self.position[code]) for code in codes if code in self.position and code in MULTIFIELDS]
        if plain == self.columns:
            base: Callable[[Row], dict[str, Any]] = lambda row: dict(zip(plain, row, strict=False))  # noqa: E731
        elif len(plain) == 1:
            only, at = plain[0], self.position[plain[0]]
            base = lambda row: {only: row[at]}  # noqa: E731
        elif plain:
            pick = itemgetter(*(self.position[code] for code in plain))
            base = lambda row: dict(zip(plain, pick(row), strict=False))  # noqa: E731
        else:
            base = lambda row: {}  # noqa: E731
        irregular = self.irregular

        def project(row_id: int, row: Row) -> dict[str, Any]:
            result = base(row)
            if row_id in irregular:
                result = {code: value for code, value in result.items() if value is not MISSING}
            for code, at in details:
                if row[at]:
                    result[code] = expand_details(code, row[at])
            return result

        return project

    def record(self, row: Row) -> Mapping[str, Any]:
        """All stored values of a row by column, contact details unexpanded."""
        return dict(zip(self.columns, row, strict=True))


def expand_details(code: str, details: Iterable[tuple[int, str, str]]) -> list[dict[str, str]]:
    """Contact details as the API gives them."""
    return [
        {"ID": str(detail_id), "VALUE_TYPE": value_type, "VALUE": value, "TYPE_ID": code}
        for detail_id, value_type, value in details
    ]
