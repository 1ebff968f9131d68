"""`remixlab rescore`; `remixlab --help` is not to wait for torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def rescore(
    run: Annotated[Path, typer.Argument(help="A sweep's run folder.", show_default=False)],
    judges: Annotated[
        list[str] | None,
        typer.Argument(
            help="`scorer=`, `dino=`, `csd=`, `runtime.device=`; default: as before.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Score the pictures of a run again, or by another scorer, and make its report again.

    No picture is made, and the suite need not be there.
    """
    from remixlab.sweep.again import rescore_run
    from remixlab.sweep.report import write_report

    rescore_run(run, judges or [])
    print(write_report([run], run))
