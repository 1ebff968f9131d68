"""What a setting may hold, declared beside its field and checked after composing."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from remixlab.errors import InvalidConfig

if TYPE_CHECKING:
    from remixlab.config import SchedulerConfig, SuiteConfig

Rule = tuple[Callable[[Any], bool], str]
_RULE = "rule"
_LCM_STEPS = 50  # diffusers' default of original_inference_steps
_TIMES = 1000  # of the noise schedules of all these models


def among(default: str | None, *choices: str) -> Any:
    """A field that holds one of `choices`; None as the default is accepted as well."""
    accepted = [None, *choices] if default is None else list(choices)
    words = ", ".join("null" if choice is None else choice for choice in accepted)
    return _ruled(default, accepted.__contains__, words)


def within(default: float | None, low: float, high: float) -> Any:
    """A field that holds a finite number from `low` to `high`, both included."""
    words = f"a number from {low:g} to {high:g}" + (" or null" if default is None else "")

    def inside(value: Any) -> bool:
        return default is None if value is None else low <= value <= high

    return _ruled(default, inside, words)


def matching(default: str, pattern: str, words: str) -> Any:
    """A field whose whole text matches the regular expression `pattern`."""
    return _ruled(default, lambda value: bool(re.fullmatch(pattern, value)), words)


def check_settings(config: Any, path: str = "") -> None:
    """Check every field of a config dataclass and of those inside it.

    Raises:
        InvalidConfig: naming the field by its path, its value and what is accepted; also for
            a key that the dataclass does not have (Hydra's `+key=value` adds any).
    """
    fields = dataclasses.fields(config)
    known = [field.name for field in fields]
    for extra in sorted(set(vars(config)) - set(known)):
        raise InvalidConfig(
            field=path + extra, value=getattr(config, extra), accepted=f"only {', '.join(known)}"
        )
    for field in fields:
        value, name = getattr(config, field.name), f"{path}{field.name}"
        if dataclasses.is_dataclass(value):
            check_settings(value, f"{name}.")
        rule: Rule | None = field.metadata.get(_RULE)
        if rule is not None and not rule[0](value):
            raise InvalidConfig(field=name, value=value, accepted=rule[1])


def check_suite(suite: SuiteConfig) -> None:
    """Check what concerns several fields of a suite.

    Raises:
        InvalidConfig: a source is a URL, the calibration is not monotone, the native area holds
            no picture, there are no weights for so many steps, or the sampler cannot do what it
            is told.
    """
    for name, repo in _repositories(suite):
        if "://" in repo:
            raise InvalidConfig(
                field=name, value=repo, accepted="a hub id (owner/name) or a folder, no URL"
            )
    side = 2 * suite.size_multiple
    if suite.native_area < side * side:
        raise InvalidConfig(
            field="model.native_area",
            value=suite.native_area,
            accepted=f"at least {side}x{side} pixels with a size_multiple of {suite.size_multiple}",
        )
    if suite.scheduler.karras and suite.scheduler.name == "lcm":
        raise InvalidConfig(
            field="model.scheduler.karras", value=True, accepted="false with the lcm scheduler"
        )
    check_timesteps(suite.scheduler)
    if suite.distilled_steps and suite.steps not in suite.distilled_steps:
        numbers = ", ".join(map(str, suite.distilled_steps))
        raise InvalidConfig(field="model.steps", value=suite.steps, accepted=numbers)
    calibration_points(suite.style_calibration)


def check_timesteps(scheduler: SchedulerConfig) -> None:
    """Check that there are two times or more and that they fall, and that nothing contradicts.

    Raises:
        InvalidConfig: else.
    """
    times = scheduler.timesteps
    falls = all(earlier > later for earlier, later in pairwise(times))
    chooses = scheduler.karras or scheduler.name == "lcm"
    if times and (chooses or len(times) < 2 or not falls or times[0] >= _TIMES or times[-1] < 0):
        accepted = f"two or more falling numbers from {_TIMES - 1} to 0, or []"
        if chooses:
            accepted = "[] with karras or the lcm scheduler, which choose their own"
        raise InvalidConfig(field="model.scheduler.timesteps", value=str(times), accepted=accepted)


def check_steps(steps: int, suite: SuiteConfig) -> None:
    """Check that the suite can take so many steps; raises InvalidConfig.

    The LCM sampler picks its steps from the 50 that latent consistency models are distilled on.
    Between given times there is room for as many as the narrowest gap holds.
    """
    times = suite.scheduler.timesteps
    if times:
        room = 1 + (len(times) - 1) * min(a - b for a, b in pairwise(times))
        if steps > room:
            accepted = f"1 to {room} between the times of model.scheduler.timesteps"
            raise InvalidConfig(field="steps", value=steps, accepted=accepted)
    if suite.scheduler.name == "lcm" and steps > _LCM_STEPS:
        accepted = f"1 to {_LCM_STEPS} with the lcm scheduler"
        raise InvalidConfig(field="steps", value=steps, accepted=accepted)
    if suite.distilled_steps and steps != suite.steps:
        accepted = (
            f"{suite.steps}, which these weights are distilled for; model.steps="
            f"{'|'.join(map(str, suite.distilled_steps))} picks others"
        )
        raise InvalidConfig(field="steps", value=steps, accepted=accepted)


def calibration_points(pairs: list[Any]) -> tuple[tuple[float, float], ...]:
    """`pairs` of style_fidelity and scale as points that start at the origin.

    Raises:
        InvalidConfig: a pair is no two finite numbers, fidelities do not rise, or scales fall.
    """
    points = [(0.0, 0.0)]
    for pair in pairs:
        try:
            fidelity, scale = (float(number) for number in pair)
        except (TypeError, ValueError):
            raise _bad_calibration(pair) from None
        last = points[-1]
        if (fidelity, scale) == (0.0, 0.0) and len(points) == 1:
            continue
        rises = fidelity > last[0] and scale >= last[1]
        if not rises or not math.isfinite(fidelity + scale):
            raise _bad_calibration(pair)
        points.append((fidelity, scale))
    return tuple(points)


def _bad_calibration(pair: object) -> InvalidConfig:
    return InvalidConfig(
        field="model.style_calibration",
        value=str(pair),
        accepted="pairs [style_fidelity, scale] with rising style_fidelity above 0 and "
        "scales that do not fall, such as [[0.7, 0.5], [1.0, 0.8]]",
    )


def _repositories(suite: SuiteConfig) -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(suite):
        source = getattr(suite, field.name)
        for key in ("repo", "file"):
            if getattr(source, key, None):
                yield f"model.{field.name}.{key}", getattr(source, key)


def _ruled(default: Any, accepts: Callable[[Any], bool], words: str) -> Any:
    return dataclasses.field(default=default, metadata={_RULE: (accepts, words)})
