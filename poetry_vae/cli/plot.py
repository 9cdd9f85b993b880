"""poetry-vae plot latent | training | traversal"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poetry_vae.cli.console import plain
from poetry_vae.cli.options import encoding_option, form_option, script_option
from poetry_vae.cli.reading import model_and_poem
from poetry_vae.text.script import Script, present

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from poetry_vae.evaluation.material import Material


def _is_picture(_: click.Context, __: click.Parameter, path: Path) -> Path:
    from poetry_vae.evaluation.report.rendering import FORMATS

    if path.suffix.lower() not in FORMATS:
        raise click.BadParameter(f"{str(path)!r} ends in neither {' nor '.join(FORMATS)}")
    return path


picture_option = click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_is_picture,
    help="Write the picture to this file, .svg or .png, replacing one of that name.",
)


@click.group("plot")
def command() -> None:
    """Draw the latent space, a training run, or one dimension of the latent.

    \b
    poetry-vae plot latent --form 五言联 --corpus POEMS --output map.svg
    poetry-vae plot training my-model other-model --output curves.svg
    poetry-vae plot traversal --form 五言联 --dimension auto --output one.svg
    """


@command.command("latent")
@click.argument("model", required=False)
@click.option(
    "--corpus",
    required=True,
    type=click.Path(path_type=Path),
    help="Show the test part of these poems, in any known format or encoded.",
)
@form_option
@click.option(
    "--colour",
    type=click.Choice(["dynasty", "author", "metre"]),
    help="Colour the points by this.  [default: the first that is known]",
)
@click.option(
    "--poems",
    "most",
    type=click.IntRange(2),
    default=2000,
    show_default=True,
    help="Show at most this many, drawn by the seed.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@script_option
@encoding_option
@picture_option
def latent(
    model: str | None,
    corpus: Path,
    form: str | None,
    colour: str | None,
    most: int,
    seed: int,
    script: Script,
    encoding: str,
    output: Path,
) -> None:
    """Map the latent space: each point is an unseen poem, placed by two principal components.

    In a browser, the poem of an SVG's point appears under the pointer. If the corpus names neither
    dynasty nor author, the points are coloured by metre.

    \b
    poetry-vae plot latent --form 五言联 --corpus POEMS --output map.svg
    poetry-vae plot latent --form 七绝 --corpus POEMS --colour author --output map.png
    """
    import numpy as np
    import torch

    from poetry_vae.evaluation.material import Material, as_ids
    from poetry_vae.evaluation.metrics.latent_map import latent_map
    from poetry_vae.evaluation.report.pictures import scatter
    from poetry_vae.model.inference import inference
    from poetry_vae.model.sampling import derived_seed
    from poetry_vae.verse.generate import choose_model, in_script

    chosen = choose_model(form or _form_of(corpus, model), model)
    material = Material.read(corpus, chosen.form, encoding=encoding)
    texts = material.needs("test", 2, "a map")
    order = np.random.default_rng(derived_seed(seed, "map")).permutation(len(texts))[:most]
    labels, kind = _labels(material, order.tolist(), colour, corpus)
    ids = torch.from_numpy(as_ids([texts[i] for i in order], chosen.tokenizer))
    with inference():
        means = torch.cat([chosen.encode(some).mean for some in torch.split(ids, 1000)])
    x, y = latent_map(means.numpy())
    shown = [present(label, script) for label in labels]
    titles = [in_script(poem, script).one_line for poem in chosen.poems_of(ids)]
    _write(scatter(x.tolist(), y.tolist(), shown), output, titles)
    click.echo(f"{len(ids):,} test poems by {kind or 'no label'} in {plain(output)}", err=True)


@command.command("training")
@click.argument(
    "folders", nargs=-1, required=True, metavar="RUN_FOLDER...", type=click.Path(path_type=Path)
)
@picture_option
def training(folders: tuple[Path, ...], output: Path) -> None:
    """Draw what runs have logged: rate, distortion, KL weight and the validation bound.

    \b
    poetry-vae plot training my-model --output curves.svg
    """
    from poetry_vae.evaluation.report.curves import training_curves

    runs = {str(folder): _logged(folder) for folder in folders}
    names = {folder: Path(folder).name or folder for folder in runs}
    if len(set(names.values())) == len(names):  # else only the whole paths tell them apart
        runs = {names[folder]: rows for folder, rows in runs.items()}
    _write(training_curves(runs), output)
    click.echo(f"curves of {plain(', '.join(runs))} in {plain(output)}", err=True)


@command.command("traversal")
@click.argument("model", required=False)
@form_option
@click.option(
    "--dimension",
    default="auto",
    show_default=True,
    metavar="J|auto",
    help="Move this dimension, counted from 1; auto takes the one that changes most characters.",
)
@click.option(
    "--poem", metavar="TEXT", help="Move around this poem; without it, around the prior's mean."
)
@click.option(
    "--steps", type=click.IntRange(2, 50), default=7, show_default=True, help="How many rows."
)
@script_option
@picture_option
def traversal(
    model: str | None,
    form: str | None,
    dimension: str,
    poem: str | None,
    steps: int,
    script: Script,
    output: Path,
) -> None:
    """Move one dimension of the latent from −3 to 3, and show the likeliest poem at each step.

    Characters that differ from the row in the middle are red.

    \b
    poetry-vae plot traversal --poem 白日依山尽，黄河入海流。 --output one.svg
    poetry-vae plot traversal --form 七绝 --dimension 12 --output twelve.svg
    """
    from poetry_vae.evaluation.report import pictures
    from poetry_vae.verse.generate import choose_model, in_script
    from poetry_vae.verse.traversal import DimensionError, traverse

    if dimension != "auto" and not dimension.isdecimal():
        raise click.BadParameter(
            f"{dimension!r} is neither a number nor auto", param_hint="'--dimension'"
        )
    if poem is None:
        chosen, start = choose_model(form, model), None
    else:
        chosen, start = model_and_poem(poem, form, model)
    wanted = None if dimension == "auto" else int(dimension)
    try:
        found = traverse(chosen, start, dimension=wanted, steps=steps)
    except DimensionError as error:
        raise click.BadParameter(str(error), param_hint="'--dimension'") from error
    around = "the prior’s mean" if start is None else in_script(start, script).one_line
    shown = [in_script(each, script).lines for each in found.poems]
    title = f"Dimension {found.dimension} around {around}"
    _write(pictures.traversal(found.values, shown, title=title), output)
    click.echo(f"dimension {found.dimension} of {chosen.code_size} in {plain(output)}", err=True)


def _form_of(corpus: Path, model: str | None) -> Any:
    """The form of an encoded corpus, where no model says which is meant."""
    from poetry_vae.text.encoded import EncodedCorpus, looks_encoded

    if model is None and looks_encoded(corpus):
        return EncodedCorpus.load(corpus).form
    return None


def _labels(
    material: Material, rows: Sequence[int], colour: str | None, corpus: Path
) -> tuple[list[str], str | None]:
    """A label for each of these test poems, and what kind of label it is.

    Raises:
        UsageError: the corpus does not know the kind asked for.
    """
    from poetry_vae.text.labels import template_names
    from poetry_vae.text.metre import MetreError

    kind = colour or next(iter(material.labels), "metre")
    if kind in material.labels:
        return [material.labels[kind][i] for i in rows], kind
    if kind != "metre":
        raise click.UsageError(
            f"{corpus} does not say the {kind} of a poem: give another corpus, or --colour metre"
        )
    try:
        return template_names([material.parts["test"][i] for i in rows], material.form), kind
    except MetreError:
        if colour:
            raise
        return ["poems"] * len(rows), None


def _logged(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run.

    Raises:
        PictureError: no run is there, or it has logged nothing yet.
    """
    from poetry_vae.evaluation.report.rendering import PictureError
    from poetry_vae.training.folder import METRICS, read_metrics

    rows = read_metrics(folder)
    if not rows:
        reason = "no such file" if rows is None else "not one readable row"
        raise PictureError(f"{folder / METRICS}: {reason}; give the folder of a training run")
    return rows


def _write(figure: Figure, output: Path, titles: Sequence[str] | None = None) -> None:
    from poetry_vae.evaluation.report.rendering import as_png, as_svg
    from poetry_vae.text.files import replace_file

    is_svg = output.suffix.lower() == ".svg"
    replace_file(output, as_svg(figure, titles) + "\n" if is_svg else as_png(figure))
