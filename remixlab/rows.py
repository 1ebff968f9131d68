"""Tables of a run folder, as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from remixlab.files import whole


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a whole table or none of it; the columns are those of the first row."""
    with whole(path) as partial:
        pq.write_table(pa.Table.from_pylist(list(rows)), partial)
