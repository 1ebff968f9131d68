"""The `remixlab` command."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from remixlab.body import files_named_in, read_body, request_from
from remixlab.caches import settle_caches
from remixlab.fetch.command import fetch
from remixlab.loopback import bypass_proxies
from remixlab.outputs import PICTURES, check_file, check_folder
from remixlab.replay.command import replay, show
from remixlab.request import RemixRequest, RemixResult
from remixlab.serve import cli as serve_cli
from remixlab.sheet import make_sheet, save_sheet
from remixlab.sweep.command import rescore
from remixlab.telling import one_line
from remixlab.tracking.command import track

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Product photographs from a cut-out product, a reference photograph and a prompt.",
)
_console = Console(stderr=True)

_REMIX_HELP = """
Make one product photograph: the product stays as it is, pixel for pixel; the background is
generated in the style of the reference.

**Everything about the picture is a flag**, and a prompt may hold commas, quotes and `=` as typed.
**Everything about the machine is an override** after the flags, as `key=value`:

    remixlab remix --product p.png --ref r.jpg --prompt "perfume, on the beach" -o out.png

    remixlab remix --request examples/requests/perfume_wood.json --seed 7 -o out.png

    remixlab remix --product p.png --ref r.jpg model=realvisxl_lightning runtime.dtype=bfloat16

Useful overrides: `model=mini|realvisxl_lightning|sdxl_lightning|sdxl_lcm|sdxl`, `steps=20`,
`model/controlnet=diffusers`, `model/ip_adapter=plain`, `model.reference_mode=style`,
`outline=edges`, `segmenter=grabcut` for a product on a plain background, `reference.fit=crop`,
`runtime.device=cuda:1`, `runtime.attention=xformers`, `runtime.deterministic=true`.
"""


@app.command(help=_REMIX_HELP)
def remix(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="`key=value` settings, see above.", show_default=False),
    ] = None,
    product: Annotated[
        Path | None, typer.Option(help="Cut-out product: PNG or WebP with alpha.")
    ] = None,
    ref: Annotated[Path | None, typer.Option(help="Reference photograph.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What the picture shows.")] = None,
    negative_prompt: Annotated[
        str | None, typer.Option(help="What it must not show; default: the signs of bad pictures.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option(help="1 to 4294967296; -1 draws one (default).")
    ] = None,
    cfg_scale: Annotated[
        str | None, typer.Option(help="Guidance, 0 to 30; 1 or less runs none. Default 1.75.")
    ] = None,
    outline_fidelity: Annotated[
        str | None,
        typer.Option(help="How firmly the product's outline holds, 0 to 2. Default 1.0."),
    ] = None,
    style_fidelity: Annotated[
        str | None, typer.Option(help="How closely the reference is followed, 0 to 2. Default 0.7.")
    ] = None,
    request: Annotated[
        Path | None,
        typer.Option(help="A JSON body of the HTTP API; images may be file names. Flags win."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")] = Path(
        "remix.png"
    ),
    sheet: Annotated[
        Path | None, typer.Option(help="Also write a sheet: inputs, intermediate pictures, result.")
    ] = None,
    metadata: Annotated[
        bool, typer.Option(help="Keep request, seed, suite and versions in the PNG.")
    ] = True,
) -> None:
    """See `_REMIX_HELP`."""
    fields = {
        "product_image": product,
        "ref_image": ref,
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "seed": seed,
        "cfg_scale": cfg_scale,
        "outline_fidelity": outline_fidelity,
        "style_fidelity": style_fidelity,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    read = {"--product": product, "--ref": ref, "--request": request}
    _check_outputs(output, sheet, read)
    asked = build_request(request, given)
    result = _run(asked, overrides or [])
    result.save(output, metadata=metadata)
    if sheet is not None:
        save_sheet(make_sheet(asked, result), sheet)
    _report(result, output, sheet)


@app.command()
def doctor() -> None:
    """Say what this machine has: device, versions, attention kernels, weights, and what to do."""
    from remixlab.doctor import examine

    examine(Console())


@app.command()
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run folders, all of sweeps or all of latency.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the report; default: the first run's."),
    ] = None,
) -> None:
    """Make a run's report again, or one that compares several runs of sweeps or of latency."""
    from remixlab.bench.compare import compare_runs, is_latency_run
    from remixlab.sweep.report import write_report

    target = output or runs[0]
    if output is not None or target.is_dir():  # a run that is not there is no folder to make
        check_folder("--output", target)
    write = compare_runs if all(map(is_latency_run, runs)) else write_report
    print(write(runs, target))


app.command()(replay)
app.command()(show)
app.command()(fetch)
app.command()(track)
app.command()(rescore)


def build_request(body: Path | None, given: dict[str, Any]) -> RemixRequest:
    """The request of a body file, of flags, or of both; flags win.

    Without a body the reference may be left out: the prompt alone then says what to paint.
    """
    if body is not None:
        return request_from(read_body(body), given)
    if "product_image" not in given:
        raise typer.BadParameter("give a product: --product FILE or --request FILE")
    return RemixRequest(**given)


def _check_outputs(output: Path, sheet: Path | None, read: dict[str, Path | None]) -> None:
    """Neither may lie where it cannot be written, or be a file that the picture is made from."""
    body = read["--request"]
    others = read | (files_named_in(body) if body else {})
    check_file("--output", output, endings=(".png",), others=others)
    if sheet is not None:
        others |= {"--output": output}
        check_file("--sheet", sheet, endings=PICTURES, others=others)


def _run(request: RemixRequest, overrides: list[str]) -> RemixResult:
    with _progress() as progress:
        task = progress.add_task("loading", total=None)
        from transformers.utils.logging import disable_progress_bar

        from remixlab.config import compose_config
        from remixlab.remix import Remixer

        disable_progress_bar()  # one bar of ours instead of one for every part of the suite
        remixer = Remixer.from_settings(compose_config(overrides))
        progress.update(task, description="preparing")
        result = remixer.remix(request, on_step=_stepper(progress, task))
        progress.update(task, description="done")
        return result


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=_console,
    )


def _stepper(progress: Progress, task: Any) -> Callable[[int, int, object], None]:
    def step(number: int, count: int, _latents: object) -> None:
        words = "denoising" if number < count else "finishing"
        progress.update(task, description=words, completed=number, total=count)

    return step


def _report(result: RemixResult, output: Path, sheet: Path | None) -> None:
    total = sum(result.timings.values())
    stages = ", ".join(f"{stage} {s:.2f} s" for stage, s in result.timings.items() if s >= 0.005)
    share = result.timings.get("denoise", 0.0) / total if total else 0.0
    for warning in result.warnings:
        _console.print(f"[yellow]warning:[/] {warning}", highlight=False)
    print(f"{output}  {result.image.width}x{result.image.height}, seed {result.seed}")
    if sheet is not None:
        print(f"{sheet}  product, mask, outline, reference, background, result")
    made = result.provenance
    chosen = made["device"], made["dtype"], made["config"]["runtime"]["attention"]
    print(f"{made['config']['model']['name']} on {', '.join(chosen)}")
    print(f"{total:.1f} s ({share:.0%} denoising): {stages}")


serve_cli.register(app)


def main() -> None:
    """Entry point: errors of ours and of the system are one line and exit status 2."""
    # The libraries' own warnings and bars are for their developers, not for whoever types this.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    with one_line():
        settle_caches()
        bypass_proxies()  # for a mirror of the hub, a tracker or a page on this machine
        app()


if __name__ == "__main__":
    main()
