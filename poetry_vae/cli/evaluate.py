"""poetry-vae evaluate"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poetry_vae.cli.console import plain, print_table, work_bar
from poetry_vae.cli.options import encoding_option, form_option, sampling_options, settings_from
from poetry_vae.evaluation.report import columns
from poetry_vae.text.form import Form

if TYPE_CHECKING:
    from rich.table import Table

    from poetry_vae.evaluation.material import Material
    from poetry_vae.evaluation.report.evaluation import EvaluationProgress, Subject
    from poetry_vae.evaluation.report.verse import VerseEvaluator


@click.command("evaluate")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--corpus",
    required=True,
    type=click.Path(path_type=Path),
    help="Measure on these poems, in any known format or encoded.",
)
@form_option
@click.option(
    "--samples",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also measure these poems of another program, one a line; may be repeated.",
)
@click.option("--quick", is_flag=True, help="Use fewer poems, and skip the two-sample test.")
@sampling_options
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write report.json and report.html to this folder, replacing those there.",
)
@encoding_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of tables.")
def command(
    models: tuple[str, ...],
    corpus: Path,
    form: str | None,
    samples: tuple[Path, ...],
    quick: bool,
    seed: int,
    output: Path | None,
    encoding: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compare models, and poems of other programs, with real poems and with chance.

    Without a MODEL, the shipped model is measured for the form. Bounds and the latent space are
    measured on the test part of the corpus, on which nothing here is trained. The judges of the
    two-sample test learn from the other two parts once and are kept in the user's cache folder.

    \b
    poetry-vae evaluate --form 五言联 --corpus POEMS --output report
    poetry-vae evaluate --form 七绝 --corpus POEMS --quick
    poetry-vae evaluate --form 七绝 --corpus POEMS --samples theirs.txt

    Poems that share a line are in one part, so the parts depend on all poems of the corpus: give
    the file or folder that the model was trained on.
    """
    from poetry_vae.evaluation.material import Material, read_samples
    from poetry_vae.evaluation.metrics.two_sample import require_classifiers
    from poetry_vae.evaluation.report.evaluation import FULL, QUICK, Evaluation
    from poetry_vae.text.files import name_of, replace_file

    if not quick:
        require_classifiers()
    subjects = _subjects(models, form, has_samples=bool(samples))
    wanted = _only_form(subjects, form)
    others = [(name_of(path), read_samples(path, wanted, encoding=encoding)) for path in samples]
    effort = QUICK if quick else FULL
    with work_bar("reading poems") as progress:
        material = Material.read(corpus, wanted, encoding=encoding)
        evaluator = _evaluator(material, effort.verse_poems, seed, quick=quick, progress=progress)
        manner = partial(settings_from, options=settings)
        evaluation = Evaluation(material, evaluator, effort, manner, seed, progress)
        report = {"quick": quick, **evaluation.report(subjects, others)}
    if output is not None:
        from poetry_vae.evaluation.report.page import page

        text = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
        replace_file(output / "report.json", text)
        replace_file(output / "report.html", page(report))
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        if report["models"]:
            print_table(density_table(report))
        print_table(verse_table(report))
        for entry in report["missing"]:
            click.secho(f"missing: {entry['figure']}: {entry['why']}", dim=True)
    if output is not None:
        click.echo(f"{output / 'report.html'}", err=True)


def _subjects(models: tuple[str, ...], form: str | None, *, has_samples: bool) -> list[Subject]:
    from poetry_vae.evaluation.report.evaluation import Subject
    from poetry_vae.model.named import model_folder
    from poetry_vae.model.pretrained import DEFAULT_FORM, default_model, figures_of
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.training.folder import read_metrics

    if not models and has_samples:
        return []
    wanted = Form.parse(form) if form else DEFAULT_FORM
    found = []
    for name in models or (default_model().name,):
        model, folder = PoetryVAE.from_pretrained(name), model_folder(name)
        if model.written is None:
            model = model.writing(wanted)
        found.append(Subject(name, model, figures_of(folder), read_metrics(folder)))
    return found


def _only_form(subjects: list[Subject], form: str | None) -> Form:
    asked = set() if form is None else {Form.parse(form)}
    forms = asked | {subject.model.form for subject in subjects}
    if len(forms) > 1:
        names = " and ".join(sorted(map(str, forms)))
        raise click.UsageError(
            f"the models write {names}: figures of different forms cannot be compared; evaluate "
            "them one by one"
        )
    if not forms:
        raise click.UsageError("give the --form of the samples")
    return forms.pop()


def _evaluator(
    material: Material, most: int, seed: int, *, quick: bool, progress: EvaluationProgress
) -> VerseEvaluator:
    import platformdirs

    from poetry_vae.evaluation.report.verse import VerseEvaluator

    judges = coherence = subject = None
    if not quick:
        from poetry_vae.evaluation.judges.files import Judges

        progress("the judges read real poems (once)")
        material.needs("validation", 20, "the judge")
        train, validation = material.parts["train"], material.parts["validation"]
        folder = Path(platformdirs.user_cache_dir("poetry-vae")) / "judges"
        read = Judges(train, validation, material.form, seed=seed, folder=folder)
        second = read.second(partial(progress, "the second judge reads real poems (once)"))
        judges = read.first, second
        coherence = read.coherence(
            partial(progress, "the judge of coherence reads real poems (once)")
        )
        if any(material.titles.get("test", ())):
            told = partial(progress, "the judge of subjects reads real poems (once)")
            subject = read.subject(material.titles["train"], told)
    return VerseEvaluator(material, judges, most, seed, coherence, subject)


def density_table(report: dict[str, Any]) -> Table:
    """Models as densities and their latent space, a column a model."""
    models = report["models"]
    poems = models[0]["density"]["poems"]
    return _table(
        models,
        {**columns.density_columns(models), **columns.usage_columns(models), **columns.LATENT},
        title=f"On {poems:,} poems of the test part (± standard error)",
    )


def verse_table(report: dict[str, Any]) -> Table:
    """Poems as poems, a column a source."""
    from poetry_vae.verse.sampling_settings import SamplingSettings

    wrote = (
        f"{plain(m['name'])} wrote with {SamplingSettings(**m['manner'])}" for m in report["models"]
    )
    return _table(
        columns.in_order(report["verse"]),
        columns.VERSE,
        title="Poems compared with real ones and chance",
        caption="; ".join(wrote),
    )


def _table(
    parts: Sequence[columns.ReportPart], groups: columns.ColumnGroups, **about: str
) -> Table:
    from rich.table import Table

    found = columns.shown(parts, groups)
    table = Table("", *map(plain, found.names), **about)  # type: ignore[arg-type]
    for _, rows in found.groups:
        for column, cells in rows:
            table.add_row(column.label, *cells)
    return table
