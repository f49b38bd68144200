"""`ventral deploy`: the image, compose set, manifests and scripts of a deployment."""

from pathlib import Path
from typing import Annotated

import typer

from ventral.output import Format, Output, note, show, table

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="the folder of a deployment")]


@app.command()
def render(
    to: Annotated[
        list[str],
        typer.Option("--to", help="image, compose, kuberay, kueue or slurm; may be given again"),
    ],
    config: Annotated[
        Path | None, typer.Option(help="the typed file; without it every default holds")
    ] = None,
    out: Annotated[Path, typer.Option(help="the folder to write into")] = Path("docker"),
) -> None:
    """Write the files of a target from the typed file of a deployment."""
    from search.deployment import (
        TARGETS,
        Deployment,
        load_deployment,
        render_target,
        write_files,
    )
    from space.documents.validation import quote, suggestion
    from space.errors import InputError

    deployment = Deployment() if config is None else load_deployment(config)
    for name in to:
        if name not in TARGETS:
            problem = f"{quote(name)} is no target"
            raise InputError("--to", problem, suggestion(name, TARGETS))
    for target in TARGETS:
        if target in to:
            for file in write_files(render_target(deployment, target), out):
                show(str(file))
    note(f"ventral deploy check {out}")


@app.command()
def check(folder: Folder, output: Output = Format.table) -> None:
    """Look for mistakes in the files of a deployment; exit code 2 if there are any."""
    from dataclasses import asdict

    from search.deployment import check_folder

    findings = check_folder(folder)
    if output is Format.table:
        for finding in findings:
            show(str(finding))
    else:
        table([asdict(finding) for finding in findings], (), output)
    if findings:
        raise typer.Exit(2)
    note(f"no mistake in {folder}")


@app.command("secrets")
def make(folder: Folder) -> None:
    """Make the secrets of a compose set, readable by this user alone; none is ever replaced."""
    from search.deployment import make_secrets

    written = make_secrets(folder)
    for file in written:
        show(str(file))
    if not written:
        note(f"the secrets of {folder} are there; nothing was changed")
