"""Wrong keys: ten at once, then eight a second, told by counting turns and not by a clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from remixlab.serve.admission import Busy
from remixlab.serve.auth import ENVIRONMENT, Keys
from remixlab.serve.guesses import Guesses
from tests.serve.fakes import check_envelope, make_body, running


class Clock:
    """Time that passes where somebody sleeps."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        keys = Keys(folder / "none", {ENVIRONMENT: "right"})
        self.guesses = Guesses(keys, clock=lambda: self.now, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def ask(self, key: bytes = b"wrong", address: str = "192.0.2.1") -> bool:
        return asyncio.run(self.guesses.accept(key, address))


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


def test_wrong_keys_one_after_another_are_eight_a_second(clock: Clock) -> None:
    assert not any(clock.ask() for _ in range(110))
    assert clock.now == 1000 + (110 - 10) / 8
    assert set(clock.slept) == {0.125}


def test_right_keys_never_wait(clock: Clock) -> None:
    assert all(clock.ask(b"right") for _ in range(1000))
    assert not clock.slept


def test_after_too_many_wrong_ones_the_right_key_waits_its_turn(clock: Clock) -> None:
    """If it did not, whoever has no answer after a moment would know that the key was wrong."""
    for _ in range(10):
        clock.ask()
    assert clock.ask(b"right") and clock.slept
    clock.slept.clear()
    assert clock.ask(b"right", "192.0.2.2") and not clock.slept, "others do not wait"
    clock.now += 2
    assert clock.ask(b"right") and not clock.slept


def test_wrong_keys_at_the_same_time_wait_in_line_or_are_busy(tmp_path: Path) -> None:
    """Nobody gets more turns by asking on many connections, and none goes on for ever."""
    clock = Clock(tmp_path)
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    clock.guesses._sleep = wait

    async def all_at_once() -> list[object]:
        asked = [clock.guesses.accept(b"wrong", "192.0.2.1") for _ in range(500)]
        return await asyncio.gather(*asked, return_exceptions=True)

    outcomes = Counter(type(each) for each in asyncio.run(all_at_once()))
    assert outcomes == {bool: 26, Busy: 474}
    assert sorted(waits) == [0.125 * turn for turn in range(1, 17)]


def test_a_whole_network_of_ipv6_is_one_address(clock: Clock) -> None:
    for number in range(20):
        clock.ask(address=f"2001:db8::{number:x}")
    assert len(clock.slept) == 10
    clock.ask(address="2001:db8:0:1::1")
    assert len(clock.slept) == 10


def test_many_addresses_take_little_memory_and_are_slowed_down_together(clock: Clock) -> None:
    for number in range(4200):
        with contextlib.suppress(Busy):
            clock.ask(address=f"10.0.{number // 256}.{number % 256}")
        clock.now = 1000.0
    assert len(clock.guesses._taken) <= 4097
    assert clock.slept
    clock.now += 10**6
    clock.ask(address="192.0.2.77")
    assert len(clock.guesses._taken) == 1


def test_wrong_keys_on_many_connections(tmp_path: Path) -> None:
    with running(tmp_path) as live, ThreadPoolExecutor(48) as pool:
        posts = [pool.submit(live.post, headers={"X-Photio-Key": str(n)}) for n in range(48)]
        answers = [post.result() for post in posts]
        for answer in answers:
            check_envelope(answer)
            assert answer.status_code == 401 or int(answer.headers["Retry-After"]) >= 1
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) == {401, 503} and statuses[401] >= 20
        assert live.metric("remix_rejections_total", reason="keys") == statuses[503]
        assert live.post(make_body()).status_code == 200
