"""The command line: each command is a call and an exit code; this is the only place that prints and exits."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from explain_gate import __version__
from explain_gate.errors import ExplainGateError


class _Edge(click.Group):
    """Turns the product's expected errors into one message and their exit code; anything else stays a crash."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ExplainGateError as error:
            click.echo(f"ERROR: {error}", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Edge, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="explain-gate")
def main() -> None:
    """Stop a vision model from being merged when it is right for the wrong reasons."""


def _config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--config", default="thresholds.yaml", show_default=True, metavar="FILE", help="The gate's thresholds.yaml."
    )(function)


@main.command()
@_config_option
@click.option("--model", metavar="SOURCE", help="Overrides model.source.")
@click.option("--checkpoint", metavar="FILE", help="Overrides model.checkpoint.")
@click.option("--reference", metavar="REF", help="The version that max_drop and max_rise compare with.")
@click.option("--bootstrap", is_flag=True, help="Start without a reference although rules compare with one.")
@click.option(
    "--reference-mismatch",
    type=click.Choice(["refuse", "remeasure"]),
    help="What to do with a reference that is not comparable; default refuse.",
)
@click.option("--output", metavar="DIR", help="Where the report goes; default reports/<time>-<model digest>.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--dtype", type=click.Choice(["float32", "bfloat16"]), help="bfloat16: CAM methods and behaviour only.")
@click.option("--tracking-uri", metavar="URI", help="Overrides tracking.uri.")
@click.option("--no-tracking", is_flag=True, help="Do not record the run in MLflow.")
@click.option(
    "--allow-alias-back",
    metavar="REASON",
    help="Let tracking.promote's alias move back to this earlier version when it passes; the reason goes on record.",
)
@click.option("--memory-budget", metavar="BYTES", help="Most memory for one chunk of work, e.g. 2G.")
@click.option("--cache-dir", metavar="DIR", help="Default .explain-gate/cache beside thresholds.yaml.")
@click.option("--cache-size", metavar="BYTES", help="Most bytes the cache keeps; default 4G.")
@click.option("--workers", metavar="N", help="Processes that measure, one GPU each where there are several; default 1.")
@click.option("--engine", type=click.Choice(["local", "ray"]), help="Who measures: this machine, or Ray's workers.")
@click.option("--ray-address", metavar="ADDRESS", help="The Ray cluster, host:port or auto; default one started here.")
@click.option("--no-cache", is_flag=True, help="Measure everything anew and keep nothing.")
@click.option("--allow-pickle", is_flag=True, help="Load registered models whose files run code when they are read.")
def run(config: str, **options: Any) -> None:
    """Measure a model version, judge it, publish the report; exit 0 only when every rule passed or is waived."""
    from explain_gate.commands.run import launch

    switches = ("no_tracking", "no_cache", "bootstrap", "allow_pickle")
    flags = [name.replace("_", "-") for name in switches if options.pop(name)]
    sys.exit(launch(config, say=lambda text: click.echo(text, err=True), flags=flags, **options))


@main.command()
@click.option("--output", default="reports/demo", show_default=True, metavar="DIR", help="Where data and reports go.")
@click.option("--seed", default=0, show_default=True, help="Of the data and the training.")
def demo(output: str, seed: int) -> None:
    """Train an honest model and one that looks at a watermark; let the first through and block the second."""
    from explain_gate.demo.story import tell

    sys.exit(tell(Path(output), seed=seed, say=click.echo))


@main.command()
@click.argument("folder", default=".", metavar="[DIR]")
def init(folder: str) -> None:
    """Scaffold thresholds.yaml, checks/ and a CI workflow; what is there already stays as it is."""
    from explain_gate.commands.scaffold import not_ignored, scaffold

    written, kept = scaffold(Path(folder))
    for path in written:
        click.echo(f"wrote  {path}")
    for path in kept:
        click.echo(f"kept   {path}, which was there already")
    missing = not_ignored(Path(folder))
    if missing:
        click.echo(f"add to .gitignore, so that no report or database is committed: {' '.join(missing)}")
    click.echo(
        "Next: write your model and data into thresholds.yaml (look for FILL IN), then `explain-gate validate`, "
        "then `explain-gate run`."
    )


@main.command()
@_config_option
@click.option("--model", "source", metavar="SOURCE", help="Overrides model.source.")
@click.option("--checkpoint", metavar="FILE", help="Overrides model.checkpoint; a file or models:/NAME@ALIAS.")
@click.option("--reference", metavar="REF", help="The reference that the run will get: it is looked up.")
@click.option("--output", metavar="DIR", help="Where the run's report will go: it must be possible to write there.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--tracking-uri", metavar="URI", help="Overrides tracking.uri.")
@click.option("--allow-pickle", is_flag=True, help="Load registered models whose files run code when they are read.")
@click.option("--thorough", is_flag=True, help="Decode every picture, not only its header and one of each class.")
def validate(config: str, *, thorough: bool, **options: Any) -> None:
    """Open what `run` opens and put two images through all that it measures; what this accepts, `run` can do."""
    from explain_gate.commands.validate import validate as check
    from explain_gate.session.run import RunOptions

    for line in check(RunOptions(config=config, **options), thorough=thorough):
        click.echo(line)


@main.command()
@click.argument("before", metavar="REF_A")
@click.argument("after", metavar="REF_B")
@click.option("--config", metavar="FILE", help="Judge B against A by this thresholds.yaml; exit 1 when a rule breaks.")
@click.option("--output", metavar="DIR", help="Write an HTML page with the maps side by side.")
def compare(before: str, after: str, config: str | None, output: str | None) -> None:
    """Show what changed between two versions: values, maps, predictions, environment."""
    import datetime as dt

    from explain_gate.commands.versions import compare_references
    from explain_gate.measuring.progress import Lines
    from explain_gate.publishing.text.comparison import comparison_lines

    today = dt.datetime.now(dt.UTC).date().isoformat()
    folder = Path(output) if output else None
    found = compare_references(before, after, config=config, output=folder, progress=Lines(), today=today)
    for line in comparison_lines(found.comparison, found.verdict.findings if found.verdict else ()):
        click.echo(line)
    if found.page is not None:
        click.echo(f"page: {found.page}")
    sys.exit(found.verdict.exit_code if found.verdict else 0)


@main.command()
@click.option("--model", metavar="NAME", help="A recorded model, by its own name or its name in the registry.")
@click.option("--checkpoints", metavar="GLOB", help="Measure these files in order instead, e.g. 'ckpt/*.safetensors'.")
@_config_option
@click.option("--output", default="history.html", show_default=True, metavar="FILE", help="The page to write.")
@click.option("--tracking-uri", metavar="URI", help="Overrides tracking.uri.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
def history(
    model: str | None, checkpoints: str | None, config: str, output: str, tracking_uri: str | None, device: str
) -> None:
    """Draw every recorded version of a model, or a folder of checkpoints, over time."""
    import glob

    from explain_gate.commands.versions import history_of_checkpoints, recorded_history, render_recorded
    from explain_gate.comparing.timeline import timeline_lines
    from explain_gate.config import load_config
    from explain_gate.errors import OptionError
    from explain_gate.measuring.job import tracking_settings
    from explain_gate.measuring.progress import Lines

    if (model is None) == (checkpoints is None):
        raise OptionError("history needs exactly one of --model NAME and --checkpoints GLOB")
    if checkpoints is not None:
        files = [Path(name) for name in sorted(glob.glob(checkpoints, recursive=True))]  # noqa: PTH207 - may be absolute
        page = history_of_checkpoints(config, files, device=device, progress=Lines(), tell=click.echo)
    else:
        versions = recorded_history(str(model), tracking_settings(load_config(config), tracking_uri))
        for line in timeline_lines(versions):
            click.echo(line)
        page = render_recorded(str(model), versions)
    Path(output).write_text(page, encoding="utf-8")
    click.echo(f"page: {output}")


@main.command()
@_config_option
@click.option("--model", "source", metavar="SOURCE", help="Overrides model.source.")
@click.option(
    "--checkpoint", "checkpoints", multiple=True, required=True, metavar="FILE", help="A good version; give several."
)
@click.option("--output", required=True, metavar="FILE", help="Where the proposed thresholds.yaml goes.")
@click.option("--false-alarm-rate", default=0.05, show_default=True, help="Share of good versions that may be blocked.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
def calibrate(config: str, checkpoints: tuple[str, ...], output: str, **options: Any) -> None:
    """Propose bounds from versions known to be good; the file's text stays, its numbers change."""
    from explain_gate.commands.calibrate import calibrate_file
    from explain_gate.measuring.progress import Lines

    calibrate_file(config, checkpoints, output, progress=Lines(), say=click.echo, **options)
    click.echo(f"wrote {output}")


@main.command()
@click.argument("folder", default=".explain-gate/outbox", metavar="[DIR]")
@_config_option
@click.option("--tracking-uri", metavar="URI", help="Overrides tracking.uri.")
def publish(folder: str, config: str, tracking_uri: str | None) -> None:
    """Send what an outbox holds to the tracking store, each run exactly once; exit 3 while something still waits."""
    from explain_gate.config import load_config
    from explain_gate.measuring.job import tracking_settings
    from explain_gate.tracking.outbox import deliver

    deliveries = deliver(Path(folder), tracking_settings(load_config(config), tracking_uri))
    for delivery in deliveries:
        sent = delivery.delivered
        alias = f"{sent.move.alias} moved to version {sent.move.after}" if sent and sent.move else sent and sent.kept
        told = delivery.reason or alias
        click.echo(f"{delivery.state:<10} {delivery.entry.name}" + (f": {told}" if told else ""))
    click.echo(f"{len(deliveries)} runs in {folder}")
    sys.exit(3 if any(delivery.state == "waiting" for delivery in deliveries) else 0)


@main.command()
@click.argument("action", type=click.Choice(["show", "prune", "clear"]))
@_config_option
@click.option("--cache-dir", metavar="DIR", help="Default .explain-gate/cache beside thresholds.yaml.")
@click.option("--to", "size", default="4G", show_default=True, metavar="BYTES", help="With prune: most bytes left.")
def cache(action: str, config: str, cache_dir: str | None, size: str) -> None:
    """Show what measured numbers are kept, prune the longest unused of them, or clear all."""
    from explain_gate.measuring.remembering.store import Cache, clear, default_folder
    from explain_gate.session.gatekeeper import parse_bytes

    folder = Path(cache_dir) if cache_dir else default_folder(Path(config))
    if not folder.is_dir():
        click.echo(f"{folder}: no cache")
        return
    if action == "clear":
        clear(folder)
        click.echo(f"{folder}: cleared")
        return
    with Cache(folder, most_bytes=2**63) as kept:
        if action == "prune":
            click.echo(f"{folder}: {kept.prune(parse_bytes(size) or 0):,} bytes dropped")
        for line in kept.sizes():
            click.echo(f"{line.kind:<10} {line.entries:>10,} entries {line.size:>16,} bytes")


@main.command()
def schema() -> None:
    """Print the JSON Schema of thresholds.yaml."""
    from explain_gate.config import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


if __name__ == "__main__":
    main()
