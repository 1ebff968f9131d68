"""What a suite needs of the hub: repositories, commits, files, sizes, hashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from huggingface_hub import HfApi, ModelInfo, try_to_load_from_cache
from huggingface_hub.utils import filter_repo_objects

from remixlab.errors import MissingWeights
from remixlab.models.presence import CONFIGURATIONS
from remixlab.models.sources import explain_missing, hub_patterns, is_on_hub, label
from remixlab.models.spec import Source, SuiteSpec


@dataclass(frozen=True)
class HubFile:
    """A file on the hub; `digest` is its SHA-256, or its git object's SHA-1 if `in_git`."""

    path: str
    size: int
    digest: str
    in_git: bool


@dataclass(frozen=True)
class Download:
    """What is needed of one repository at one revision.

    Attributes:
        commit: what `revision` is today.
        parts: the suite's parts that come from there.
        licence, commercial_use: as our configuration says.
        hub_licence: as the hub says, None if it does not.
        files: all of them, here or not.
    """

    repo: str
    revision: str
    commit: str
    parts: tuple[str, ...]
    licence: str
    commercial_use: bool
    hub_licence: str | None
    files: tuple[HubFile, ...]

    @property
    def pinned(self) -> bool:
        """True if the revision is a commit, which stays what it is."""
        return self.revision == self.commit

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def local(self, file: HubFile) -> Path | None:
        """Where a file lies in the cache; None if it is not there."""
        found = try_to_load_from_cache(self.repo, file.path, revision=self.commit)
        return Path(found) if isinstance(found, str) else None

    def missing(self) -> list[HubFile]:
        """The files that are not in the cache."""
        return [file for file in self.files if self.local(file) is None]


def plan_downloads(spec: SuiteSpec, sources: Mapping[str, Source]) -> list[Download]:
    """Ask the hub about every repository that one of `sources`, by part, is read from.

    Raises:
        MissingWeights: the hub cannot be reached or does not show a repository, or a part's files
            are not in it.
    """
    on_hub = [(part, source) for part, source in sources.items() if is_on_hub(source)]
    on_hub.sort(key=lambda item: _place(item[1]))
    groups = groupby(on_hub, key=lambda item: _place(item[1]))
    return [_plan(spec, dict(group)) for _, group in groups]


def _place(source: Source) -> tuple[str, str]:
    return source.repo or "", source.revision


def _plan(spec: SuiteSpec, sources: dict[str, Source]) -> Download:
    (first, source), *_ = sources.items()
    repo, revision = _place(source)
    with explain_missing(spec, first, source):
        info = HfApi().model_info(repo, revision=revision, files_metadata=True)
    there = {file.path: file for file in _files(info)}
    names = sorted({name for p, s in sources.items() for name in _needed(spec, p, s, list(there))})
    return Download(
        repo=repo,
        revision=revision,
        commit=info.sha or revision,
        parts=tuple(sources),
        licence=" and ".join(dict.fromkeys(s.licence or "not stated" for s in sources.values())),
        commercial_use=all(s.commercial_use for s in sources.values()),
        hub_licence=info.card_data.get("license") if info.card_data else None,
        files=tuple(there[name] for name in names),
    )


def _files(info: ModelInfo) -> Iterator[HubFile]:
    for entry in info.siblings or []:
        digest = entry.lfs.sha256 if entry.lfs else entry.blob_id
        yield HubFile(entry.rfilename, entry.size or 0, digest or "", entry.lfs is None)


def _needed(spec: SuiteSpec, part: str, source: Source, there: list[str]) -> list[str]:
    configurations, weights = (
        list(filter_repo_objects(there, allow_patterns=patterns))
        for patterns in hub_patterns(source)
    )
    if not (configurations if part in CONFIGURATIONS else weights):
        patterns = hub_patterns(source)[0 if part in CONFIGURATIONS else 1]
        raise MissingWeights(
            field=f"{part} of suite {spec.name}",
            value=label(source),
            accepted=f"a repository that holds {' or '.join(patterns)}",
        )
    return [*configurations, *weights]
