"""Plan, show, ask, download, verify."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import HTTPError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from remixlab.config import compose_config
from remixlab.errors import InvalidConfig, MissingWeights
from remixlab.fetch.plan import Download, HubFile, plan_downloads
from remixlab.fetch.verify import is_intact
from remixlab.loopback import check_proxies
from remixlab.models.missing import why
from remixlab.models.presence import missing_parts, needed_sources
from remixlab.models.sources import is_on_hub
from remixlab.models.spec import SuiteSpec


def fetch_suite(
    name: str, overrides: Sequence[str], *, console: Console, agree: Callable[[str], bool]
) -> bool:
    """Bring every file of a suite into the hub's cache; False if the user does not `agree`.

    Raises:
        InvalidConfig: no such suite or override, a proxy that cannot be used, or the disk is too
            small.
        MissingWeights: a file cannot be had, or is not what the hub says it is.
    """
    spec = SuiteSpec.from_config(compose_config([f"model={name}", *overrides]).model)
    sources = needed_sources(spec)
    if constants.HF_HUB_OFFLINE or not any(map(is_on_hub, sources.values())):
        return _check_local(spec, console)
    check_proxies()
    downloads = plan_downloads(spec, sources)
    _show(spec, downloads, console)
    wanted = sum(file.size for download in downloads for file in download.missing())
    if wanted:
        _check_disk(wanted)
        if not agree(f"Download {_size(wanted)} to {constants.HF_HUB_CACHE}?"):
            return False
        for download in downloads:
            _download(spec, download)
    _verify(spec, downloads, console)
    return _check_local(spec, console)


def _check_local(spec: SuiteSpec, console: Console) -> bool:
    missing = missing_parts(spec)
    if missing:
        offline = "; HF_HUB_OFFLINE is set, so nothing was downloaded"
        raise MissingWeights(
            field=f"suite {spec.name}",
            value=", ".join(missing),
            accepted=f"all parts on this machine{offline if constants.HF_HUB_OFFLINE else ''}",
        )
    console.print(f"{spec.name}: all parts are on this machine")
    return True


def _show(spec: SuiteSpec, downloads: Sequence[Download], console: Console) -> None:
    lines = [f"[bold]suite {spec.name}[/], + is to be downloaded, = is here already"]
    for download in downloads:
        missing = download.missing()
        wanted = sum(file.size for file in missing)
        lines += [
            f"[bold]{download.repo}[/] @{_revision(download)} ({', '.join(download.parts)})",
            f"  licence {_licence(download)}; commercial use: "
            f"{'yes' if download.commercial_use else 'no'}; "
            f"{_size(download.size)}, of which {_size(wanted)} to download",
        ]
        for file in download.files:
            lines.append(f"  {'+' if file in missing else '='} {file.path}  {_size(file.size)}")
    total = sum(file.size for download in downloads for file in download.missing())
    lines.append(f"in all {_size(total)} to download to {constants.HF_HUB_CACHE}")
    for line in lines:  # whole, for people copy commits and paths
        console.print(line, highlight=False, soft_wrap=True)


def _revision(download: Download) -> str:
    if download.pinned:
        return download.commit
    return f"{download.revision}, not pinned: {download.commit} today"


def _licence(download: Download) -> str:
    said = download.hub_licence
    differs = said is not None and said.casefold() != download.licence.casefold()
    return download.licence + (f" (the hub says {said})" if differs else "")


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e7 else f"{count / 1e3:.0f} kB"


def _check_disk(wanted: int) -> None:
    cache = Path(constants.HF_HUB_CACHE)
    folder = next(path for path in (cache, *cache.parents) if path.exists())
    if shutil.disk_usage(folder).free < wanted:
        raise InvalidConfig(
            field="HF_HOME", value=str(cache), accepted=f"a disk with {_size(wanted)} free"
        )


def _download(spec: SuiteSpec, download: Download) -> None:
    """Through the hub's own client, whose bars show the progress; what is here is left alone."""
    wanted = [file.path for file in download.files]
    try:
        # By its revision, for the cache has to know what a branch was.
        snapshot_download(download.repo, revision=download.revision, allow_patterns=wanted)
    except (OSError, HTTPError) as error:
        raise _failed(spec, download, why(error)) from error


def _failed(spec: SuiteSpec, download: Download, reason: str) -> MissingWeights:
    return MissingWeights(
        field=f"{', '.join(download.parts)} of suite {spec.name}",
        value=download.repo,
        accepted=f"all its files; {', '.join(file.path for file in download.missing())} did not "
        f"come; the same command goes on where this stopped ({reason})",
    )


def _verify(spec: SuiteSpec, downloads: Sequence[Download], console: Console) -> None:
    """Hash every file; one that is damaged is downloaded once more."""
    columns = TextColumn("verifying"), BarColumn(), DownloadColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=sum(download.size for download in downloads))
        damaged = [
            (download, file)
            for download in downloads
            for file in download.files
            if not _intact(download, file, lambda count: progress.advance(task, count))
        ]
    for download, file in damaged:
        console.print(f"{file.path} of {download.repo} is damaged; downloading it again")
        _repair(spec, download, file)


def _repair(spec: SuiteSpec, download: Download, file: HubFile) -> None:
    try:
        hf_hub_download(download.repo, file.path, revision=download.commit, force_download=True)
    except (OSError, HTTPError) as error:
        raise _failed(spec, download, why(error)) from error
    if not _intact(download, file, lambda _: None):
        raise MissingWeights(
            field=f"{', '.join(download.parts)} of suite {spec.name}",
            value=file.path,
            accepted=f"the bytes that {download.repo} names the hash of; what came was damaged, "
            "twice now",
        )


def _intact(download: Download, file: HubFile, advance: Callable[[int], object]) -> bool:
    path = download.local(file)
    return path is not None and is_intact(path, file, advance)
