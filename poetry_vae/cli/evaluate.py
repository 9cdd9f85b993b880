"""poetry-vae evaluate"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from poetry_vae.cli.options import encoding_option, form_option

if TYPE_CHECKING:
    from torch import Tensor

    from poetry_vae.evaluation.density import Density, Estimate
    from poetry_vae.model.vae import PoetryVAE


@click.command("evaluate")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--corpus",
    required=True,
    type=click.Path(path_type=Path),
    help="Poems in any known format, or an encoded corpus.",
)
@form_option
@click.option(
    "--part",
    type=click.Choice(["test", "validation", "train", "all"]),
    default="test",
    show_default=True,
    help="The part of the corpus, by the project's split; models do not train on `test`.",
)
@click.option("--poems", type=click.IntRange(2), default=1000, show_default=True, help="At most.")
@click.option("--seed", type=int, default=0, show_default=True)
@encoding_option
@click.option("--json", "as_json", is_flag=True, help="A JSON object a model.")
def command(
    models: tuple[str, ...],
    corpus: Path,
    form: str | None,
    part: Literal["test", "validation", "train", "all"],
    poems: int,
    seed: int,
    encoding: str,
    as_json: bool,
) -> None:
    """Measure models on poems: bound at K = 1 and 100, rate, active units, reconstruction.

    \b
    poetry-vae evaluate --form 五言联 --corpus POEMS
    poetry-vae evaluate my-model other-model --corpus POEMS --poems 200

    Poems that share a line are in one part, so the parts depend on which poems were read: give the
    file or folder that the model was trained on.
    """
    import torch

    from poetry_vae.evaluation.density import density
    from poetry_vae.model.sampling import derived_seed
    from poetry_vae.verse.generate import choose_model

    chosen = [(name, choose_model(form, name)) for name in models]
    if not chosen:
        model = choose_model(form)
        chosen = [(model.form.slug, model)]
    forms = {str(model.form) for _, model in chosen}
    if len(forms) > 1:
        raise click.UsageError(
            f"the models write {' and '.join(sorted(forms))}: figures of different forms cannot be "
            "compared; evaluate them one by one"
        )
    results = []
    for name, model in chosen:
        ids = _poems(corpus, model, part, encoding, poems, seed)
        generator = torch.Generator().manual_seed(derived_seed(seed, "evaluate"))
        results.append((name, density(model, ids, samples=(1, 100), generator=generator)))
    if as_json:
        for name, result in results:
            click.echo(json.dumps({"model": name, **dataclasses.asdict(result)}))
    else:
        _print_table(results, part)


def _poems(
    corpus: Path, model: PoetryVAE, part: str, encoding: str, most: int, seed: int
) -> Tensor:
    """At most ``most`` poems of the part as ids of the model's vocabulary, drawn by the seed."""
    import numpy as np
    import torch

    from poetry_vae.model.sampling import derived_seed
    from poetry_vae.text.encoded import poems_for
    from poetry_vae.text.errors import CorpusError

    ids = poems_for(corpus, model.form, model.tokenizer, part=part, encoding=encoding)
    if len(ids) < 2:
        raise CorpusError(
            f"{corpus}: {len(ids)} poem(s) of the form {model.form} in the part {part!r}, and a "
            "figure takes at least 2; --part all takes the whole corpus"
        )
    chosen = np.random.default_rng(derived_seed(seed, "poems")).permutation(len(ids))[:most]
    return torch.from_numpy(ids[np.sort(chosen)].astype("int64"))


def _print_table(named: list[tuple[str, Density]], part: str) -> None:
    from rich.console import Console
    from rich.table import Table

    def shown(value: Estimate, digits: int) -> str:
        return f"{value.mean:.{digits}f} ± {value.error:.{digits}f}"

    results = [result for _, result in named]
    poems = results[0].poems
    names = [name for name, _ in named]
    table = Table("", *names, title=f"{poems} poems of the part “{part}” (± standard error)")
    rows: list[tuple[str, list[str]]] = [
        ("bound K=1, nats/char", [shown(r.bounds[1], 3) for r in results]),
        ("bound K=100, nats/char", [shown(r.bounds[100], 3) for r in results]),
        ("rate, nats/poem", [shown(r.rate, 2) for r in results]),
        ("distortion, nats/poem", [shown(r.distortion, 2) for r in results]),
        ("active units", [f"{r.active_units} of {r.latent}" for r in results]),
        ("characters reconstructed", [f"{r.reconstruction:.1%}" for r in results]),
        ("whole poems reconstructed", [f"{r.whole_poems:.1%}" for r in results]),
        ("characters unknown", [f"{r.unknown:.2%}" for r in results]),
    ]
    for label, cells in rows:
        table.add_row(label, *cells)
    Console().print(table)
