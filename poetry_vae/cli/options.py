"""Options that several commands share, and how they write poems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.verse.sampling_settings import SamplingSettings

F = TypeVar("F", bound=Callable[..., Any])


def said(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """A callback of options that take text. An empty one is refused: a script with an unset
    variable would get poems that say nothing of what it wants."""
    typed = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    if typed and any(not text.strip() for text in ([value] if isinstance(value, str) else value)):
        raise click.BadParameter("it is empty: leave the option out, or say what is wanted")
    return value


form_option = click.option(
    "--form",
    metavar="FORM",
    callback=said,
    help="五言联 couplet5, 七言联 couplet7, 五绝 jueju5, 七绝 jueju7, 五律 lushi5, 七律 lushi7, "
    "a tune such as 浣溪沙 (see `poetry-vae forms`), LINESxCHARS such as 6x7, or the lengths of "
    "lines such as 7,7,3,3,7.",
)
model_option = click.option(
    "--model",
    metavar="MODEL",
    callback=said,
    help="The folder of a model, the name of one that ships (see `poetry-vae models`), or "
    "owner/name[@revision] on the Hugging Face hub.",
)
script_option = click.option(
    "--script",
    type=click.Choice(["simplified", "traditional"]),
    default="simplified",
    show_default=True,
    help="The script of the output; the input may be in either.",
)
encoding_option = click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    help="The encoding of the corpus files, such as gb18030.",
)
output_option = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=lambda _, __, path: None if path == Path("-") else path,
    help="Write to this file instead of standard output (-). The file is written whole or not at "
    "all, and replaces one of that name.",
)

SAMPLING_OPTIONS = (
    "temperature",
    "passes",
    "trust",
    "guidance",
    "repetition",
    "emphasis",
    "candidates",
)
"""The names of the options that say how it is written."""
_SAMPLING_OPTIONS = (
    click.option(
        "--temperature",
        type=click.FloatRange(0),
        help="How random the choice of characters is: 0 always takes the likeliest, 1 draws by the "
        "model's own probabilities.  [default: the model's]",
    ),
    click.option(
        "--passes",
        type=click.IntRange(0, 1000),
        help="In how many steps the model writes a poem, each given those before; 0 writes all "
        "characters at once.  [default: the model's]",
    ),
    click.option(
        "--trust",
        type=click.FloatRange(0, 1),
        help="How far the refiner relies on the latent: 0 not at all, 1 entirely.  [default: the "
        "model's]",
    ),
    click.option(
        "--guidance",
        type=click.FloatRange(0),
        help="How much to sharpen the conditional distribution against the unconditional one: 0 "
        "not at all.  [default: the model's]",
    ),
    click.option(
        "--repetition",
        type=click.FloatRange(0),
        help="The penalty in nats for characters that the poem has already.  [default: the "
        "model's]",
    ),
    click.option(
        "--emphasis",
        type=click.FloatRange(0),
        help="How much to sharpen towards the subject and dynasty that are asked for: 0 not at "
        "all.  [default: the model's]",
    ),
    click.option(
        "--candidates",
        type=click.IntRange(1, 256),
        help="How many poems to write for each one shown; the best is shown.  [default: the "
        "model's]",
    ),
)

label_option = click.option(
    "--label",
    metavar="KIND=VALUE",
    callback=said,
    help="The label of the poems, such as dynasty=宋, for models trained with labels; without it "
    "the model draws or infers one.",
)


def with_label(model: PoetryVAE, label: str | None) -> PoetryVAE:
    """The model, every poem of which has the label that was typed.

    Raises:
        LabelError: the model has no labels, or knows no such one.
    """
    if label is None:
        return model
    from poetry_vae.model import labelling
    from poetry_vae.text.script import understand

    kind, equals, value = label.partition("=")
    if not equals or not value:
        raise click.BadParameter(f"{label!r} is not KIND=VALUE", param_hint="'--label'")
    known = model.config.labels
    if known is not None and kind != known.kind:
        raise click.BadParameter(
            f"{label!r}: the labels of this model are of the kind {known.kind}",
            param_hint="'--label'",
        )
    is_known = known is None or value in known.values
    return labelling.with_label(model, value if is_known else understand(value))


def reading_options(command: F) -> F:
    """--form, --model and --script: which model reads a poem, and how the answer is written."""
    for option in (script_option, model_option, form_option):
        command = option(command)
    return command


def sampling_options(command: F) -> F:
    """--temperature, --passes, --trust, --guidance, --repetition, --emphasis and --candidates."""
    for option in reversed(_SAMPLING_OPTIONS):
        command = option(command)
    return command


def settings_from(model: PoetryVAE, options: dict[str, Any]) -> SamplingSettings:
    """The sampling settings that the options ask for, and for the rest the model's own."""
    from poetry_vae.verse.sampling_settings import SamplingSettings

    sampling = options.get("sampling", "plain")
    return SamplingSettings.of(
        model, sampling=sampling, **{name: options[name] for name in SAMPLING_OPTIONS}
    )


def load_for(text: str, form: str | None, model: str | None) -> PoetryVAE:
    """The model for a user's poem. If it writes any form and none is named, it writes the poem's
    own."""
    from poetry_vae.model.pretrained import default_model
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.text.cleaning import clean_typed
    from poetry_vae.text.poem import split_lines, typed_form
    from poetry_vae.verse.generate import choose_model

    chosen = PoetryVAE.from_pretrained(model or default_model())
    lines = split_lines(clean_typed(text))
    if form is None and chosen.written is None and lines:
        return chosen.writing(typed_form(lines))
    return choose_model(form, chosen)


def tell_unknown(model: PoetryVAE, *texts: str) -> None:
    """Say on standard error which characters of the texts the model has never seen."""
    from poetry_vae.text.cleaning import clean_typed
    from poetry_vae.text.lines import split_lines

    lines = (line for text in texts for line in split_lines(clean_typed(text)))
    missing = model.tokenizer.unknown("".join(lines))
    if missing:
        click.echo(f"not in the model's vocabulary: {' '.join(missing)}", err=True)
