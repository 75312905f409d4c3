"""The command line: each command is a call and an exit code; with its `edge` the only place that prints and exits."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from explain_gate import __version__
from explain_gate.commands.edge import Edge
from explain_gate.errors import OptionError
from explain_gate.options import OPTIONS, parse_bytes, read_options

_EXAMPLES = """\b
Examples:
  explain-gate init --yes                        a gate for the project in this folder
  explain-gate validate                          does it fit? what `run` would need
  explain-gate run --quick                       for every push
  explain-gate run --reference models:/pets@explain-approved --no-weaker
  explain-gate calibrate --checkpoint good.safetensors --output thresholds.new.yaml
  explain-gate COMMAND --help                    all options of a command"""


@click.group(
    cls=Edge, epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="explain-gate")
def main() -> None:
    """Stop a vision model from being merged when it is right for the wrong reasons."""


def _run_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command options of a run, by name; all of them where none is named."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(OPTIONS):
            if option.hidden or (names and option.name not in names):
                continue
            kind = {"type": click.Choice(option.choices)} if option.choices else {"metavar": option.metavar}
            added = {"is_flag": True} if option.is_switch else kind
            function = click.option(f"--{option.name}", option.key, help=f"{option.text}.", **added)(function)
        return function

    return declare


@main.command()
@_run_options()
def run(**given: str | bool | None) -> None:
    """Measure a model version, judge it, publish the report; exit 0 only when every rule passed or is waived."""
    from explain_gate.commands.run import launch

    sys.exit(launch(given, say=lambda text: click.echo(text, err=True)))


@main.command()
@click.option("--output", default="reports/demo", show_default=True, metavar="DIR", help="Where data and reports go.")
@click.option("--seed", default=0, show_default=True, help="Of the data and the training.")
def demo(output: str, seed: int) -> None:
    """Train an honest model and one that looks at a watermark; let the first through and block the second."""
    from explain_gate.commands.demo import tell

    sys.exit(tell(Path(output), seed=seed, say=click.echo))


@main.command()
@click.argument("folder", default=".", metavar="[DIR]")
@click.option("--yes", is_flag=True, help="Take the likeliest where the folder speaks for several, and ask nothing.")
@click.option("--run", "at_once", is_flag=True, help="Where nothing is left to fill in: validate, then run --quick.")
def init(folder: str, *, yes: bool, at_once: bool) -> None:
    """Scaffold thresholds.yaml, checks/ and a CI workflow, filled in as far as the folder shows model and data.

    What is there already stays as it is. Nothing of the project is imported, run or unpickled.
    """
    from explain_gate.commands.init import init as start
    from explain_gate.commands.survey.clue import likeliest

    asks = not yes and sys.stdin.isatty() and sys.stdout.isatty()
    whole = start(Path(folder), say=click.echo, choose=_choose if asks else likeliest)
    if not at_once:
        return
    if not whole:
        click.echo("Not run: fill in what is left first.", err=True)
        sys.exit(OptionError.exit_code)
    from explain_gate.commands.run import launch
    from explain_gate.commands.validate import validate as check

    config = str(Path(folder) / "thresholds.yaml")
    for line in check(read_options({"config": config})):
        click.echo(line)
    sys.exit(launch({"config": config, "quick": True}, say=lambda text: click.echo(text, err=True)))


def _choose(question: str, values: Sequence[str]) -> int:
    """The place of the value that is meant, asked on a terminal."""
    click.echo(question)
    for number, value in enumerate(values, start=1):
        click.echo(f"  {number}. {value}")
    return int(click.prompt("number", type=click.IntRange(1, len(values)), default=1)) - 1


@main.command()
@_run_options("config", "model", "checkpoint", "reference", "output", "device", "tracking-uri", "allow-pickle")
@click.option("--thorough", is_flag=True, help="Decode every picture, not only its header and one of each class.")
def validate(*, thorough: bool, **given: str | bool | None) -> None:
    """Open what `run` opens and put two images through all that it measures; what this accepts, `run` can do."""
    from explain_gate.commands.validate import validate as check

    for line in check(read_options(given), thorough=thorough):
        click.echo(line)


@main.command()
@click.argument("before", metavar="REF_A")
@click.argument("after", metavar="REF_B")
@click.option("--config", metavar="FILE", help="Judge B against A by this thresholds.yaml; exit 1 when a rule breaks.")
@click.option("--output", metavar="DIR", help="Write an HTML page with the maps side by side.")
def compare(before: str, after: str, config: str | None, output: str | None) -> None:
    """Show what changed between two versions: values, maps, predictions, environment."""
    from explain_gate.commands.compare import compare as show

    sys.exit(show(before, after, config=config, output=Path(output) if output else None, say=click.echo))


@main.command()
@click.option("--model", metavar="NAME", help="A recorded model, by its own name or its name in the registry.")
@click.option("--checkpoints", metavar="GLOB", help="Measure these files in order instead, e.g. 'ckpt/*.safetensors'.")
@click.option("--output", default="history.html", show_default=True, metavar="FILE", help="The page to write.")
@click.option(
    "--pictures/--no-pictures",
    default=True,
    show_default=True,
    help="Fetch what up to 12 recorded versions measured, to show where each looked.",
)
@_run_options("config", "device", "tracking-uri")
def history(
    model: str | None, checkpoints: str | None, output: str, *, pictures: bool, **given: str | bool | None
) -> None:
    """Draw every recorded version of a model, or a folder of checkpoints, over time."""
    from explain_gate.commands.history import draw_history

    draw_history(model, checkpoints, Path(output), read_options(given), pictures=pictures, say=click.echo)


@main.command()
@click.option(
    "--checkpoint", "checkpoints", multiple=True, required=True, metavar="FILE", help="A good version; five are better."
)
@click.option("--output", required=True, metavar="FILE", help="Where the proposed thresholds.yaml goes.")
@click.option("--false-alarm-rate", default=0.05, show_default=True, help="Share of good versions that may be blocked.")
@click.option(
    "--accept-looser",
    metavar="REASON",
    help="Let a bound of behaviour be looser than the package's own; every report prints the reason.",
)
@_run_options("config", "model", "device")
def calibrate(
    checkpoints: tuple[str, ...],
    output: str,
    false_alarm_rate: float,
    accept_looser: str | None,
    **given: str | bool | None,
) -> None:
    """Propose bounds from versions known to be good; the file's text stays, its numbers change."""
    from explain_gate.commands.calibrate import calibrate_file
    from explain_gate.measuring.progress import Lines

    options = read_options(given)
    calibrate_file(
        options.config,
        checkpoints,
        output,
        false_alarm_rate=false_alarm_rate,
        accept_looser=accept_looser,
        source=options.source,
        device=options.device,
        progress=Lines(),
        say=click.echo,
    )
    click.echo(f"wrote {output}")


@main.command()
@click.argument("folder", default=".explain-gate/outbox", metavar="[DIR]")
@_run_options("config", "tracking-uri")
def publish(folder: str, **given: str | bool | None) -> None:
    """Send what an outbox holds to the tracking store, each run exactly once; exit 3 while something still waits."""
    from explain_gate.commands.publish import publish as send

    sys.exit(send(Path(folder), read_options(given), say=click.echo))


@main.command()
@click.argument("folder", metavar="DIR")
@click.option("--config", metavar="FILE", help="The run's thresholds.yaml, for folders that hold no copy of it.")
@click.option("--reference", metavar="REF", help="What the run compared with, to show its maps beside.")
@click.option("--single-file", is_flag=True, help="Write report.html too: one page with its pictures inside, to send.")
def render(*, folder: str, config: str | None, reference: str | None, single_file: bool) -> None:
    """Write every surface of a finished run again from its profile and verdict.json alone; neither is touched."""
    from explain_gate.commands.render import render_again

    rendered = render_again(Path(folder), config=config, reference=reference, single=single_file)
    for line in rendered.told:
        click.echo(line, err=True)
    page = Path(folder) / ("report.html" if single_file else "index.html")
    click.echo(f"Report: {page.absolute().as_uri()}")
    sys.exit(0 if rendered.whole else 3)


@main.command()
@click.argument("folder", metavar="DIR")
@click.option("--by", metavar="NAME", help="Who reviews; default: the account that runs this.")
@click.option("--port", default=0, metavar="N", help="Of this machine; default: a free one.")
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@click.option("--page", metavar="FILE", help="Write the page as one file instead, for a reviewer without the run.")
@click.option("--take", "saved", metavar="FILE", help="Take what such a page has saved instead.")
@_run_options("config")
def review(
    folder: str, by: str | None, port: int, page: str | None, saved: str | None, *, show: bool, **given: str | None
) -> None:
    """Let a person judge the maps of a run's folder, the suspicious ones first, on a page of this machine.

    Decisions are files in reviews/ beside thresholds.yaml; the next run counts them.
    """
    from explain_gate.commands import review as reviews

    desk = reviews.open_desk(Path(folder), read_options(given).config, by=by)
    if page is not None:
        reviews.write_page(desk, Path(page), click.echo)
    elif saved is not None:
        reviews.take(desk, Path(saved), click.echo)
    else:
        reviews.review(desk, port=port, show=show, say=click.echo)


@main.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR...")
@click.option("--features", is_flag=True, help="Open the model too, and compare what pictures give its last layer.")
@click.option("--output", default="reports/labels", show_default=True, metavar="DIR", help="Where it goes.")
@_run_options("config", "model", "checkpoint", "device", "tracking-uri", "allow-pickle")
def labels(folders: tuple[str, ...], output: str, *, features: bool, **given: str | bool | None) -> None:
    """List labels and regions that the runs of several versions doubt, and pictures that are there twice.

    Each DIR is a run's folder. Writes a page, a record, and lists for a labelling tool; no annotation is changed.
    """
    from explain_gate.commands.labels import audit_labels
    from explain_gate.measuring.progress import Lines

    options = read_options(given)
    audit_labels(folders, options, Path(output), features=features, progress=Lines(), say=click.echo)


@main.group()
def study() -> None:
    """Ask a slow question about one version, off line; the answer is a folder with a record and a page."""


@study.command(name="modules")
@click.option("--cue", type=click.Choice(["background", "patch"]), default="background", show_default=True)
@click.option("--images", default=60, show_default=True, metavar="N", help="Most images, spread over the classes.")
@click.option("--output", default="reports/study-modules", show_default=True, metavar="DIR", help="Where it goes.")
@_run_options("config", "model", "checkpoint", "device", "tracking-uri", "allow-pickle")
def study_modules(cue: Literal["background", "patch"], images: int, output: str, **given: str | bool | None) -> None:
    """Which part of the network carries a cue, and whether it is the backbone or the head; a killed study goes on."""
    from explain_gate.commands.study import modules
    from explain_gate.measuring.progress import Lines

    modules(read_options(given), Path(output), cue=cue, images=images, progress=Lines(), say=click.echo)


@study.command(name="roar")
@click.option("--train", required=True, metavar="NAME", help="package.module:function of (images, labels, seed).")
@click.option("--shares", default="0.1,0.3,0.5,0.7,0.9", show_default=True, metavar="LIST", help="Of pixels that go.")
@click.option("--seeds", default=5, show_default=True, metavar="N", help="Retrains of each method and share.")
@click.option("--methods", default="", metavar="LIST", help="Of thresholds.yaml; default: all of them.")
@click.option(
    "--fill",
    type=click.Choice(["mean", "impute"]),
    default="mean",
    show_default=True,
    help="What removed pixels become: the mean (ROAR), or a noisy mean of their neighbours (ROAD).",
)
@click.option("--images", metavar="N", type=int, help="Most images, spread over the classes; default: all.")
@click.option("--held-out", default=0.5, show_default=True, metavar="SHARE", help="That no model is trained on.")
@click.option("--output", default="reports/study-roar", show_default=True, metavar="DIR", help="Where it goes.")
@click.option("--yes", is_flag=True, help="Begin without a question when the price was told.")
@_run_options("config", "model", "checkpoint", "device", "workers", "tracking-uri", "allow-pickle")
def study_roar(output: str, *, yes: bool, **given: Any) -> None:
    """Which method's pixels a class can be learned from: remove them, retrain, ask; a killed study goes on."""
    from explain_gate.commands.study import asked_roar, roar
    from explain_gate.measuring.progress import Lines

    def agree() -> None:
        if not yes and sys.stdin.isatty() and sys.stdout.isatty():
            click.confirm("Begin?", default=True, abort=True)

    own = ("train", "shares", "seeds", "methods", "fill", "images", "held_out")
    asked = asked_roar({name: given.pop(name) for name in own})
    roar(read_options(given), Path(output), asked, agree=agree, progress=Lines(), say=click.echo)


@study.command(name="classes")
@click.option("--steps", default=256, show_default=True, metavar="N", help="Of Adam, for each of two pictures a class.")
@click.option("--output", default="reports/study-classes", show_default=True, metavar="DIR", help="Where it goes.")
@_run_options("config", "model", "checkpoint", "device", "tracking-uri", "allow-pickle")
def study_classes(steps: int, output: str, **given: str | bool | None) -> None:
    """What the model takes each class to be: the picture that makes its score largest, and what that is like."""
    from explain_gate.commands.study import classes
    from explain_gate.measuring.progress import Lines

    classes(read_options(given), Path(output), steps=steps, progress=Lines(), say=click.echo)


@study.command(name="methods")
@click.argument("folder", metavar="DIR")
@click.option("--seed", default=0, show_default=True, help="Of intervals and tests.")
@click.option("--output", default="reports/study-methods", show_default=True, metavar="DIR", help="Where it goes.")
@click.option("--choose", is_flag=True, help="Say what to write so that rules ask the most faithful method.")
@click.option("--record", is_flag=True, help="Keep who is best beside the version in MLflow; `history` shows it.")
@_run_options("config", "tracking-uri")
def study_methods(folder: str, seed: int, output: str, *, choose: bool, record: bool, **given: str | None) -> None:
    """Which attribution method is most faithful, best aligned, most stable, by class; of a run's scores alone."""
    from explain_gate.commands.study import methods, settings_of

    settings = settings_of(read_options(given)) if record else None
    methods(folder, Path(output), seed=seed, choose=choose, settings=settings, say=click.echo)


@main.command()
@click.argument("ref", metavar="REF")
@click.option("--by", required=True, metavar="NAME", help="Who approves.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it goes on record.")
@click.option(
    "--despite", is_flag=True, help="Although it did not pass in full; the record says what spoke against it."
)
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The approval's last day.")
@_run_options("config", "tracking-uri")
def approve(ref: str, by: str, reason: str, expires: dt.datetime | None, *, despite: bool, **given: str | None) -> None:
    """Move the registry's alias to REF, also back, as a person's decision with a name and a reason.

    REF is a run's folder, run:ID, models:/NAME@ALIAS, models:/NAME/VERSION or a checkpoint file that was gated.
    """
    from explain_gate.commands.approve import approve as decide

    until = expires.date().isoformat() if expires else None
    decide(ref, read_options(given), by=by, reason=reason, despite=despite, expires=until, say=click.echo)


@main.command()
@click.argument("text", metavar="TEXT")
@click.option("--version", "ref", required=True, metavar="REF", help="What it was learned from.")
@click.option("--image", metavar="ID", help="The image it is about; the report of each later version with it tells it.")
@click.option("--rule", metavar="KEY", help="The rule it is about, by key or check; the same.")
@click.option("--by", metavar="NAME", help="Who says it; default: the account that runs this.")
@_run_options("config", "tracking-uri", "no-tracking")
def lesson(
    text: str, ref: str, image: str | None, rule: str | None, by: str | None, **given: str | bool | None
) -> None:
    """Keep what a version taught, for its history and for the reports of the versions after it."""
    from explain_gate.commands.lesson import lesson as keep

    keep(text, ref, read_options(given), image=image, rule=rule, by=by, say=click.echo)


@main.command()
@click.argument("folder", metavar="DIR")
@click.option("--output", metavar="FILE", help="Where the statement goes; default: attestation.json in DIR.")
def attest(folder: str, output: str | None) -> None:
    """Write a run's verdict as an in-toto statement, for the team's own signer; exit 1 where a file was changed."""
    from explain_gate.commands.attest import attest as write

    sys.exit(write(Path(folder), Path(output) if output else None, say=click.echo))


@main.command()
@click.argument("folder", metavar="DIR")
@click.option("--attestation", metavar="FILE", help="The statement, bare or enveloped; default: DIR/attestation.json.")
def verify(folder: str, attestation: str | None) -> None:
    """Compare every file of a run with its digest, and the run with its statement; exit 0 holds, 1 differs."""
    from explain_gate.commands.attest import verify as check

    sys.exit(check(Path(folder), Path(attestation) if attestation else None, say=click.echo))


@main.command()
@click.argument("action", type=click.Choice(["show", "prune", "clear"]))
@click.option("--to", "size", default="4G", show_default=True, metavar="BYTES", help="With prune: most bytes left.")
@_run_options("config", "cache-dir")
def cache(action: str, size: str, **given: str | bool | None) -> None:
    """Show what measured numbers are kept, prune the longest unused of them, or clear all."""
    from explain_gate.commands.cache import cache as keep

    keep(action, read_options(given), most_bytes=parse_bytes(size), say=click.echo)


@main.command()
@_run_options("config")
@click.option("--check", is_flag=True, help="Tell what would change and write nothing; exit 1 where something would.")
def upgrade(*, config: str | None, check: bool) -> None:
    """Put today's rules where a thresholds.yaml still has an earlier scaffold's; comments and own bounds stay."""
    from explain_gate.commands.upgrade import upgrade as rewrite

    sys.exit(rewrite(Path(read_options({"config": config}).config), check=check, say=click.echo))


@main.command(name="report-bug")
@click.argument("folder", required=False, metavar="[DIR]")
@click.option("--output", default="report-bug.zip", show_default=True, metavar="FILE", help="The archive to write.")
@_run_options("config")
def report_bug(folder: str | None, output: str, config: str | None) -> None:
    """Gather versions, rules and a run's verdict for an issue: no pictures, secrets hidden, and listed as it goes."""
    from explain_gate.commands.report_bug import report_bug as gather

    given = read_options({"config": config})
    gather(given.config, Path(folder) if folder else None, Path(output), say=click.echo)


@main.command()
def schema() -> None:
    """Print the JSON Schema of thresholds.yaml."""
    from explain_gate.commands.schema import schema as text

    click.echo(text())


if __name__ == "__main__":
    main()
