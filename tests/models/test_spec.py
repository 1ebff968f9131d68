"""Sizes and dials of a suite's description."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remixlab.config import SourceConfig, SuiteConfig
from remixlab.errors import InvalidConfig
from remixlab.models.spec import SuiteSpec

SIZES = [
    (1152, 896),
    (1344, 768),
    (1536, 640),
    (1216, 832),
    (1024, 1024),
    (832, 1216),
    (768, 1344),
]
SDXL = SuiteSpec.from_config(
    SuiteConfig(name="sdxl", architecture="sdxl", licence="x", native_area=1024 * 1024)
)
MINI = replace(SDXL, native_area=512 * 512, size_multiple=32)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_recommended_sizes_are_native(width: int, height: int) -> None:
    assert SDXL.native_size(width, height) == (width, height)
    assert MINI.native_size(width, height) == (width // 2, height // 2)


@pytest.mark.parametrize(
    ("ratio", "size"),
    [((4, 3), (1152, 896)), ((16, 9), (1344, 768)), ((21, 9), (1536, 640)), ((3, 2), (1216, 832))],
)
def test_nominal_ratios_get_their_recommended_size(
    ratio: tuple[int, int], size: tuple[int, int]
) -> None:
    assert SDXL.native_size(ratio[0] * 400, ratio[1] * 400) == size


@given(st.integers(64, 8192), st.integers(64, 8192))
def test_any_size_maps_into_the_native_area(width: int, height: int) -> None:
    native = SDXL.native_size(width, height)
    assert all(side % 64 == 0 and side >= 128 for side in native)
    assert 0.85 <= math.prod(native) / SDXL.native_area <= 1
    assert SDXL.native_size(height, width) == native[::-1] or width == height
    assert SDXL.native_size(*native) == native


def test_extreme_shapes_are_clamped() -> None:
    assert SDXL.native_size(8192, 64) == (8192, 128)
    assert replace(SDXL, native_area=200 * 200).native_size(9000, 1) == (256, 128)


def test_calibration_is_monotone_and_keeps_zero() -> None:
    assert [SDXL.reference_scale(dial) for dial in (0, 0.7, 2)] == [0, 0.7, 2]
    spec = replace(SDXL, calibration=((0, 0), (0.5, 1), (1, 1.2)))
    scales = [spec.reference_scale(dial / 20) for dial in range(41)]
    assert scales[0] == 0 and scales == sorted(scales)
    assert [spec.reference_scale(dial) for dial in (0.25, 0.5, 1)] == pytest.approx([0.5, 1, 1.2])
    assert spec.reference_scale(2) == pytest.approx(1.6)


def test_a_spec_is_frozen_and_validated() -> None:
    with pytest.raises(FrozenInstanceError):
        SDXL.steps = 3  # type: ignore[misc]
    config = SuiteConfig(name="a", architecture="sdxl", licence="x")
    config.vae = SourceConfig(repo="https://example.org/vae")
    with pytest.raises(InvalidConfig, match="no URL"):
        SuiteSpec.from_config(config)


def test_licences_and_sizes_are_those_of_all_parts() -> None:
    config = SuiteConfig(name="a", architecture="sdxl", licence="x", download_gb=1)
    assert SuiteSpec.from_config(config).licence == "x"
    config.commercial_use = True
    config.vae = SourceConfig(repo="a/b", licence="MIT", download_gb=0.5)
    config.ip_adapter = SourceConfig(repo="a/c", commercial_use=False, download_gb=0.25)
    spec = SuiteSpec.from_config(config)
    assert spec.licence == "x (base, ip_adapter), MIT (vae)"
    assert spec.download_gb == 1.75 and not spec.commercial_use
