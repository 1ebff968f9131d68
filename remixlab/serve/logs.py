"""Structured logs: one JSON object a line on standard error, ours and the libraries' alike.

Events carry a request id, a status and times: never a header, a body, a URL or a prompt.
Warnings about what anybody can cause without a request are held back where they repeat.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

import structlog

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

_LET_THROUGH, _WINDOW_S = 10, 10.0
_KINDS = 1000  # that are counted apart from each other


class Repeats(logging.Filter):
    """Lets ten warnings of a kind through in ten seconds; the next says how many were held back.

    Of the event loop's one kind, for instance, that it is out of descriptors, it writes hundreds a
    second. What belongs to a request is never held back: its id was given to the client.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}  # since when, and how many

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write it."""
        ours = record.msg if isinstance(record.msg, dict) else {}
        if record.levelno < logging.WARNING or ours.keys() & {"request", "requests"}:
            return True
        words = str(ours.get("event", record.msg)).partition("\n")[0]
        if len(self._seen) > _KINDS:
            self._seen.clear()
        since, count = self._seen.get((record.name, words), (self._clock(), 0))
        if self._clock() - since >= _WINDOW_S:
            _mark(record, count - _LET_THROUGH)
            since, count = self._clock(), 0
        self._seen[record.name, words] = since, count + 1
        return count < _LET_THROUGH


def _mark(record: logging.LogRecord, held_back: int) -> None:
    """Say in a record how many like it are missing before it."""
    if held_back > 0 and isinstance(record.msg, dict):
        record.msg["held_back"] = held_back
    elif held_back > 0:
        record.msg = f"{record.msg} ({held_back} more were held back)"


def configure_logs() -> None:
    """Send all log events of this process to standard error as JSON."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Repeats())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.captureWarnings(True)
    # Clients' URLs are secrets, and these two print them.
    for name in ("httpcore2", "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)
