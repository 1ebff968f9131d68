"""Tables of a run folder, as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from remixlab.files import whole


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a whole table or none of it, with every column that any row has.

    Dictionaries become maps of text; a column in which every value is missing is one of numbers.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    with whole(path) as partial:
        pq.write_table(pa.table(columns), partial)


def _column(values: list[Any]) -> pa.Array:
    if any(isinstance(value, dict) for value in values):
        texts = pa.map_(pa.string(), pa.string())
        return pa.array([list((value or {}).items()) for value in values], texts)
    missing = all(value is None for value in values)
    return pa.array(values, pa.float64()) if missing else pa.array(values)
