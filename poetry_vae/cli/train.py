"""poetry-vae train"""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poetry_vae.cli.console import plain
from poetry_vae.cli.options import encoding_option, form_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_vae.text.encoded import EncodedCorpus
    from poetry_vae.text.treasury import Treasury
    from poetry_vae.training.run import Result


@click.command("train")
@click.argument("corpus", type=click.Path(path_type=Path))
@form_option
@click.option(
    "--preset",
    help="A preset of `poetry-vae presets`.  [default: base; with --from, finetune or "
    "poet-finetune]",
)
@click.option(
    "--from",
    "start",
    metavar="MODEL",
    help="Continue from this model: a folder, a shipped name, or owner/name on the hub.",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Write to this new folder.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--device", default="auto", show_default=True, help="Train on auto, cpu, cuda or mps."
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="The precision of matrix products; auto chooses bfloat16 where it is faster.",
)
@click.option(
    "--max-minutes", type=click.FloatRange(0, min_open=True), help="Stop and save after this time."
)
@click.option(
    "--finish",
    is_flag=True,
    help="Let a constant learning rate fall to 0 over the last part of --max-minutes.",
)
@click.option("--resume", is_flag=True, help="Continue the run in the output folder.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change a setting of the preset, as in --set epochs=2 --set hidden=128.",
)
@click.option(
    "--no-state",
    "keep_state",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Unless interrupted, do not save the state for --resume (three times the model's size).",
)
@click.option(
    "--tensorboard", is_flag=True, help="Write curves for TensorBoard to the output folder."
)
@encoding_option
def command(
    corpus: Path,
    form: str | None,
    preset: str | None,
    start: str | None,
    output: Path,
    settings: tuple[str, ...],
    keep_state: bool,
    tensorboard: bool,
    encoding: str,
    **options: Any,
) -> None:
    """Train a model on CORPUS: a file or folder of poems, or an encoded corpus.

    Ctrl-C stops after the step in progress and saves; --resume continues to the same weights.

    \b
    poetry-vae train poems.txt --form 五绝 --output my-model
    poetry-vae train poems.txt --from poet --output my-poet
    poetry-vae train poems.txt --from my-model --form 七律 --output my-lushi7
    poetry-vae train poems.safetensors --preset poet --output my-poet
    poetry-vae train couplets.safetensors --preset shi --output shi --max-minutes 10
    poetry-vae train couplets.safetensors --preset m2 --set label=dynasty --output m2
    torchrun --nproc-per-node 4 -m poetry_vae train poems.safetensors --preset poet --output p
    """
    typed = dict(_pair(setting) for setting in settings)
    if options["finish"] and options["max_minutes"] is None:
        raise click.UsageError("--finish needs --max-minutes: the rate falls over its last part")

    from poetry_vae.cli.corpus import read_for_people
    from poetry_vae.cli.watching import Display, kept_by
    from poetry_vae.training.corpora import load_training_corpus, load_treasury
    from poetry_vae.training.device import find_device
    from poetry_vae.training.presets import find_preset, parsed
    from poetry_vae.training.ranks import is_first
    from poetry_vae.training.train import model_to_start, train, writes_any

    if preset:
        find_preset(preset)
    find_device(options["device"])  # before a corpus is read at length
    overrides = {name: parsed(name, value) for name, value in typed.items()}
    curves = _curves(output) if tensorboard else None
    chosen = model_to_start(start, output, resume=options["resume"])
    read = partial(read_for_people, encoding=encoding)
    encoded: EncodedCorpus | Treasury
    if writes_any(preset, chosen, form):
        encoded = load_treasury(corpus, read=read)
    else:
        usual = chosen.form if chosen else None
        encoded = load_training_corpus(corpus, form, usual=usual, read=read)
    with Display(curves, is_shown=is_first()) as display, _stop_on_interrupt() as interrupted:
        result = train(
            encoded,
            output,
            form=form,
            preset=preset,
            start=chosen,
            overrides=overrides,
            keep_state=keep_state,
            observer=display,
            should_stop=interrupted,
            **options,
        )
    if not is_first():
        return
    f = result.figures
    click.echo(
        f"{result.stopped} after {result.steps:,} steps: {kept_by(f)} a character, "
        f"rate {f.rate:.1f}, {f.active_units} active units, "
        f"{f.reconstruction:.0%} of characters reconstructed",
        err=True,
    )
    click.echo(_what_was_kept(result, start), err=True)
    if result.stopped == "interrupted" or (result.stopped == "time is up" and keep_state):
        click.echo("the same command with --resume continues", err=True)
    click.echo(f"poetry-vae generate --model {plain(output)}", err=True)


def _what_was_kept(result: Result, start: str | None) -> str:
    """Which weights the folder holds, and why."""
    if result.kept is None:
        return "kept: the weights with the best bound"
    if result.kept == 0 and start is not None and result.steps:
        return (
            f"kept: {start} as it was: no step improved its bound on validation poems; try "
            "--set learning_rate=0.0003, or more poems"
        )
    if result.kept == result.steps:
        return f"kept: the weights of step {result.kept:,}, the last"
    if result.stopped in ("interrupted", "time is up"):
        return f"kept: the weights of step {result.kept:,}, which have the best bound so far"
    return (
        f"kept: the weights of step {result.kept:,}, which have the best bound: later steps did "
        "not improve it on poems held out of training"
    )


def _pair(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{setting!r} is not NAME=VALUE", param_hint="--set")
    return name.strip(), value.strip()


def _curves(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise click.UsageError(
            "TensorBoard is not installed: pip install 'poetry-vae[tensorboard]'"
        ) from error
    return SummaryWriter(str(folder / "tensorboard"))


class _stop_on_interrupt:  # noqa: N801  (a context manager, used like a function)
    """Ctrl-C asks the loop to stop after its step; a second one ends the program."""

    def __enter__(self) -> Callable[[], bool]:
        self.asked = False
        self.before = signal.signal(signal.SIGINT, self._ask)
        return lambda: self.asked

    def _ask(self, *_: object) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        click.echo("\nstopping after this step (Ctrl-C again ends at once)", err=True)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.before)
