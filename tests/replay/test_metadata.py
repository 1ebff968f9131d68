"""Metadata that somebody made to harm: it is refused with a typed error, or it is harmless."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import huggingface_hub
import hydra.utils
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remixlab.config import RemixConfig, compose_config
from remixlab.errors import InvalidConfig, InvalidImage, InvalidRecord, RemixError
from remixlab.models import sources
from remixlab.replay.inputs import Inputs
from remixlab.replay.metadata import DEEPEST, LONGEST, parse, plain, read_kept
from remixlab.replay.record import Record
from remixlab.replay.settings import rebuild_config
from tests.replay.pngs import compressed, international, png, put, rewritten, text

SOURCES = ("base", "unet", "vae", "controlnet", "ip_adapter", "image_encoder", "architecture")
PATIENT = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["${oc.env:HOME}", "???", "/etc/passwd", "../../x", "mini", "sdxl", "cpu"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text() | st.sampled_from(["_target_", "model", "repo"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@pytest.fixture(autouse=True)
def nothing_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the hub nor Hydra's way to run code."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("metadata reached what it must not reach")

    monkeypatch.setattr(hydra.utils, "instantiate", never)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", never)
    monkeypatch.setattr(sources, "snapshot_download", never)


def config_of(described: dict[str, Any]) -> RemixConfig:
    """As far as a replay goes before it loads anything."""
    return rebuild_config(Record.from_described(described))


def read(folder: Path, content: bytes) -> dict[str, Any]:
    (folder / "x.png").write_bytes(content)
    return read_kept(folder / "x.png").described


def test_what_was_recorded_is_what_is_rebuilt(described: dict[str, Any]) -> None:
    rebuilt = asdict(config_of(described))
    assert rebuilt["runtime"].pop("device") == "cpu"
    described["config"]["runtime"].pop("device")
    assert rebuilt == described["config"]


@pytest.mark.parametrize("wrap", [text, compressed, international])
@pytest.mark.parametrize("behind", [False, True])
def test_every_kind_of_text_is_read(
    tmp_path: Path, wrap: Callable[[bytes], bytes], behind: bool
) -> None:
    assert read(tmp_path, png(wrap(b'{"a": 1}'), behind=behind)) == {"a": 1}


@pytest.mark.parametrize(
    "content",
    [
        png(),
        png(text(b"{}", key=b"other")),
        png(text(b"{}"), text(b"{}")),
        png(text(b"{}"), compressed(b"{}")),
        png(text(b"{}"), international(b"{}")),
        png(text(b"")),
        png(text(b"[]")),
        png(text(b"null")),
        png(text(b'{"a": 1')),
        png(text(b"\xff\xfe\x00\x01")),
        png(international(b"\xff\xfe")),
        png(text(b'{"a": NaN}')),
        png(text(b'{"a": -Infinity}')),
        png(text(b'{"a": ' + b"9" * 5000 + b"}")),
        png(text(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")),
        png(text(b'{"a": ' + b"[" * 100_000)),
        png(text(b'{"a": "' + b"x" * LONGEST + b'"}')),
        png(text(b'{"a": ' + b'{"a": ' * DEEPEST)),
        png(text(b"{}"), text(b"../../x", key=b"remixlab-picture")),
        png(text(b"{}"))[:60],
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        b"",
        b"GIF89a",
    ],
)
def test_what_no_remix_wrote_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises((InvalidRecord, InvalidImage)):
        read(tmp_path, content)


@pytest.mark.parametrize("wrap", [compressed, international])
def test_a_bomb_is_refused_before_it_unfolds(
    tmp_path: Path, wrap: Callable[[bytes], bytes]
) -> None:
    content = png(wrap(b" " * 2**28))  # 256 MiB in 256 KiB
    assert len(content) < 2**19
    tracemalloc.start()
    with pytest.raises((InvalidRecord, InvalidImage)):
        read(tmp_path, content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


def test_many_bombs_are_refused_together(tmp_path: Path) -> None:
    parts = [compressed(b" " * (2**20 - 1), key=b"k%d" % number) for number in range(80)]
    with pytest.raises(InvalidImage):
        read(tmp_path, png(*parts, text(b"{}")))


@pytest.mark.parametrize(
    "hostile", ['{"' + '\\"' * 100_000, '{"a": "' + "\\" * 200_001, "[" * 2**18]
)
def test_depth_is_told_in_one_pass(hostile: str) -> None:
    start = time.perf_counter()
    with pytest.raises(InvalidRecord):
        parse(hostile, where=Path("x"))
    assert time.perf_counter() - start < 2


def test_brackets_in_a_prompt_are_no_depth() -> None:
    told = {"prompt": "[" * 4000 + '"\\"{'}
    assert parse(json.dumps(told), where=Path("x")) == told


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("_target_", "os.system"),
        ("config._target_", "os.system"),
        ("config.model._target_", "os.system"),
        ("config.model.scheduler._target_", "os.system"),
        ("config.model.base._target_", "os.system"),
        ("request._target_", "os.system"),
        ("config.model", "sdxl"),
        ("config.model.name", "../../../tmp/evil"),
        ("config.model.name", "mini,sdxl"),
        ("config.model.name", "mini model.base.repo=/evil"),
        ("config.model.name", None),
        ("config.model.name", ["mini"]),
        ("config.model.name", {"_target_": "os.system"}),
        ("config.model.steps", "8"),
        ("config.model.steps", True),
        ("config.model.steps", 10**9),
        ("config.model.steps", 1.5),
        ("config.model.native_area", 10**19),
        ("config.model.scheduler", "euler"),
        ("config.model.scheduler.name", "${oc.env:HOME}"),
        ("config.model.style_calibration", "${oc.env:HOME}"),
        ("config.model.style_calibration", [[{"_target_": "os.system"}, 1]]),
        ("config.model.style_calibration", [[1, 10**19], [2, "nan"]]),
        ("config.model.lora.scale", 1e999),
        ("config.runtime", None),
        ("config.runtime.attention", "???"),
        ("config.runtime.batch_size", 10**9),
        ("config.runtime.deterministic", 1),
        ("config.runtime.threads", 3),
        ("config.segmenter", "${oc.env:HOME}"),
        ("config.steps", "${model.steps}"),
        ("request.seed", -1),
        ("request.seed", 2**33),
        ("request.seed", True),
        ("request.cfg_scale", {"_target_": "os.system"}),
        ("request.prompt", "x" * 4001),
        ("request.prompt", "\ud800"),
        ("request.product_image", "../../../etc/passwd"),
        ("request.product_image", "/" + "0" * 63),
        ("request.ref_image", "0" * 63 + "\n"),
        ("request.ref_image", 5),
        ("suite.unet", {"_target_": "os.system"}),
        ("versions", []),
        ("batch", "16"),
        ("batch", True),
    ],
)
def test_one_bad_value_is_refused(described: dict[str, Any], path: str, value: Any) -> None:
    put(described, path.split("."), value)
    with pytest.raises(RemixError):
        config_of(described)


@pytest.mark.parametrize("key", ["request", "suite", "config", "device", "dtype"])
def test_what_is_missing_is_named(described: dict[str, Any], key: str) -> None:
    del described[key]
    with pytest.raises(InvalidRecord, match=key):
        config_of(described)


def test_where_weights_are_read_from_is_not_the_pictures_to_say(described: dict[str, Any]) -> None:
    own = asdict(compose_config(["model=mini"]))["model"]
    for name in SOURCES[:-1]:
        evil = {"repo": "/evil", "file": "/etc/passwd", "subfolder": "../..", "revision": "x"}
        described["config"]["model"][name] |= evil
    described["config"]["model"]["architecture"] = "/evil"
    described["config"]["model"]["lora"]["repo"] = "evil/lora"
    described["config"]["runtime"]["device"] = "cuda:99"
    rebuilt = asdict(config_of(described))
    assert {name: rebuilt["model"][name] for name in SOURCES} == {n: own[n] for n in SOURCES}
    assert rebuilt["model"]["lora"]["repo"] is None and rebuilt["runtime"]["device"] == "cpu"


def test_what_is_typed_wins(described: dict[str, Any]) -> None:
    record = Record.from_described(described)
    typed = ["runtime=exact", "steps=3", "model.scheduler.name=euler"]
    rebuilt = rebuild_config(record, typed)
    assert rebuilt.steps == 3 and rebuilt.model.scheduler.name == "euler"
    assert rebuilt.runtime.deterministic and rebuilt.runtime.batch_size == 8
    assert rebuilt.model.native_area == described["config"]["model"]["native_area"]
    assert rebuild_config(record, ["model=sdxl"]).model.native_area == 1024 * 1024
    for bad in ("steps=", "steps=many", "no.such=1", "a b"):
        with pytest.raises(InvalidConfig):
            rebuild_config(record, [bad])


@PATIENT
@given(JSON)
def test_any_json_is_a_picture_or_a_typed_error(told: Any) -> None:
    try:
        config_of(parse(json.dumps(told), where=Path("x")))
    except RemixError:
        return
    raise AssertionError("no metadata at all was accepted")


@PATIENT
@given(data=st.data(), value=JSON)
def test_any_change_is_harmless_or_a_typed_error(
    described: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    changed = deepcopy(described)
    node, path = changed, []
    while isinstance(node, dict) and node and (not path or data.draw(st.booleans())):
        path.append(data.draw(st.sampled_from(sorted(node)) | st.just("_target_")))
        node = node.get(path[-1])
    put(changed, path, value)
    try:
        rebuilt = config_of(parse(json.dumps(changed), where=Path("x")))
    except RemixError:
        return
    own = compose_config([f"model={rebuilt.model.name}"])
    assert all(getattr(rebuilt.model, n) == getattr(own.model, n) for n in SOURCES)
    assert rebuilt.runtime.device in ("cpu", "auto")


@PATIENT
@given(content=st.binary(max_size=200))
def test_any_bytes_as_text(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    with suppress(InvalidRecord, InvalidImage):
        assert isinstance(read(folder, png(text(content))), dict)


def test_a_hash_leads_nowhere_but_into_the_runs_inputs(
    picture: Path, tmp_path: Path, described: dict[str, Any]
) -> None:
    def escape(told: dict[str, Any]) -> None:
        told["request"]["product_image"] = "../" * 20 + "etc/passwd"

    kept = read_kept(rewritten(picture, tmp_path / "x.png", escape))
    with pytest.raises(InvalidRecord, match="SHA-256"):
        Inputs(run=tmp_path).request(Record.from_described(kept.described))


def test_plain_text_steers_no_terminal() -> None:
    hostile = "a\x1b[2J\x07\r\n\x9b\u202e\u2066\ud800\u200bü木"
    told = plain(hostile)
    assert told.isprintable() and told.startswith("a\\x1b[2J") and told.endswith("ü木")
