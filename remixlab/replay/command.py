"""`remixlab replay` and `remixlab show`; `remixlab --help` is not to wait for torch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from remixlab.replay.compare import Verdict

_REASONS = 12  # shown; the rest is counted


def replay(
    what: Annotated[Path, typer.Argument(help="A PNG of a remix, or a sweep's run folder.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="`key=value` settings that win over the recorded.", show_default=False),
    ] = None,
    product: Annotated[
        list[Path] | None, typer.Option(help="The product; once for each of a run's.")
    ] = None,
    ref: Annotated[
        list[Path] | None, typer.Option(help="The reference; once for each of a run's.")
    ] = None,
    cell: Annotated[str | None, typer.Option(help="Of a run: the cell of this id alone.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Of a run: the first so many.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Of a run: other batches than it had.")
    ] = None,
    any_weights: Annotated[
        bool, typer.Option("--any-weights", help="Also where the suite's files are others.")
    ] = False,
) -> None:
    """Make a picture, or a run, again from its metadata, and say whether it is identical.

    A run folder has its products and references in it; for a single picture give the files.
    Exit status 0: all are identical or within the tolerance; 1: some differ; 2: not possible.
    """
    from transformers.utils.logging import disable_progress_bar

    from remixlab.replay.again import Suites, replay_cells, replay_picture
    from remixlab.replay.inputs import Inputs
    from remixlab.replay.run import choose, read_cells

    disable_progress_bar()
    suites = Suites(overrides or [], any_weights)
    if not what.is_dir():
        if (cell, limit, batch_size) != (None, None, None):
            raise typer.BadParameter("--cell, --limit and --batch-size are for run folders")
        inputs = Inputs(product or [], ref or [], run=what.absolute().parent.parent)
        verdicts = {what.name: replay_picture(what, inputs, suites)}
    else:
        cells = choose(read_cells(what), cell, limit)
        inputs = Inputs(product or [], ref or [], run=what)
        made = replay_cells(what, cells, inputs, suites, batch_size=batch_size)
        verdicts = {}
        with _progress() as progress:
            task = progress.add_task("cells", total=len(cells))
            for name, verdict in made:
                verdicts[name] = verdict
                progress.advance(task)
    _report(verdicts)
    if any(verdict.outcome == "different" for verdict in verdicts.values()):
        raise typer.Exit(1)


def show(image: Annotated[Path, typer.Argument(help="A PNG of a remix or of a sweep.")]) -> None:
    """Say what a picture was made from: request, seed, suite and hashes, settings, versions."""
    from remixlab.replay.show import tell

    for line in tell(image):
        print(line)


def _progress() -> Progress:
    from remixlab.sweep.run import COLUMNS

    return Progress(*COLUMNS, console=Console(stderr=True))


def _report(verdicts: dict[str, Verdict]) -> None:
    console = Console()
    table = Table("outcome", "pictures", "largest difference of 255")
    for outcome in ("identical", "within tolerance", "different"):
        some = [verdict for verdict in verdicts.values() if verdict.outcome == outcome]
        if some:
            table.add_row(outcome, str(len(some)), str(max(verdict.largest for verdict in some)))
    console.print(table)
    worst = max(verdicts, key=lambda name: verdicts[name].largest)
    if verdicts[worst].largest:
        console.print(Text(f"largest: {worst}"))
    reasons = Counter(reason for verdict in verdicts.values() for reason in verdict.reasons)
    for reason, count in reasons.most_common(_REASONS):
        console.print(Text(f"- {reason}  ({count})"))
    if len(reasons) > _REASONS:
        console.print(f"and {len(reasons) - _REASONS} more")
