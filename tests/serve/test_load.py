"""More clients than places: everybody gets one answer, their own, 200 or 503."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from remixlab.request import RemixRequest
from tests.serve.fakes import FakeMaker, check_envelope, make_body, running, wait_until

_CLIENTS, _EACH = 48, 6


def slow(requests: Sequence[RemixRequest]) -> None:
    time.sleep(0.02 + 0.002 * len(requests))


def test_every_request_ends_once(tmp_path: Path) -> None:
    body = make_body()
    with (
        running(tmp_path, "serve.queue=8", "runtime.batch_size=4", maker=FakeMaker(slow)) as live,
        ThreadPoolExecutor(_CLIENTS) as pool,
    ):

        def client(number: int) -> list[tuple[int, str]]:
            seen = []
            for turn in range(_EACH):
                seed = str(1 + number + turn * _CLIENTS)
                answer = live.post(body | {"seed": seed})
                check_envelope(answer)
                seen.append((answer.status_code, answer.headers["X-Request-Id"]))
                if answer.status_code == 200:
                    assert answer.headers["X-Remix-Seed"] == seed
                else:
                    assert int(answer.headers["Retry-After"]) >= 1
            return seen

        answers = [each for seen in pool.map(client, range(_CLIENTS)) for each in seen]
        statuses = Counter(status for status, _ in answers)
        assert set(statuses) == {200, 503} and statuses.total() == _CLIENTS * _EACH
        assert len({name for _, name in answers}) == _CLIENTS * _EACH
        made = sum(len(batch) for batch in live.maker.batches)
        assert made == statuses[200]
        wait_until(lambda: live.metric("remix_answers_total", status="200") == made)
        assert live.service._admission._places == 8, "every place was given back"
        assert max(len(batch) for batch in live.maker.batches) > 1
