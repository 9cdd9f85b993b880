"""poetry-vae corpus stats | encode | download"""

from __future__ import annotations

import json
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poetry_vae.cli.console import counted, plain, progress_bar
from poetry_vae.cli.options import encoding_option
from poetry_vae.text.form import NAMED_FORMS, Form, tunes

if TYPE_CHECKING:
    from poetry_vae.text.corpus import Corpus


@click.group("corpus")
def command() -> None:
    """Look at a corpus, encode it for training, or download one.

    \b
    poetry-vae corpus download
    poetry-vae corpus stats POEMS
    poetry-vae corpus encode POEMS couplets.safetensors --form 五言联
    """


def read_for_people(*paths: Path, encoding: str) -> Corpus:
    """Read a corpus behind a progress bar, and say on standard error what was left out."""
    corpus = read_with_progress(*paths, encoding=encoding)
    if corpus.rejects:
        reasons = ", ".join(f"{n:,} {why}" for why, n in corpus.rejects_by_reason.most_common())
        click.echo(f"{counted(len(corpus.rejects))} left out: {reasons}", err=True)
    for file in corpus.skipped_files:
        click.echo(f"no poems in {plain(file)}", err=True)
    return corpus


def read_with_progress(*paths: Path, encoding: str) -> Corpus:
    """Read a corpus behind a progress bar on standard error."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

    from poetry_vae.text.corpus import read_corpus

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TextColumn("MB"))
    with progress_bar(*columns, TimeElapsedColumn()) as bar:
        task = bar.add_task("", total=None)

        def progress(_: Path, done: int, total: int) -> None:
            bar.update(task, completed=done // 1_000_000, total=total // 1_000_000)

        return read_corpus(*paths, encoding=encoding, progress=progress)


@command.command("stats")
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@encoding_option
@click.option(
    "--verbose", is_flag=True, help="List every poem that was left out, with file and line."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(paths: tuple[Path, ...], encoding: str, verbose: bool, as_json: bool) -> None:
    """Count poems by form and dynasty, characters, coverage of vocabularies, and unusable entries.

    \b
    poetry-vae corpus stats poems.txt --encoding gb18030 --verbose
    """
    corpus = read_with_progress(*paths, encoding=encoding)
    found = corpus.by_form_and_dynasty()
    by_form: Counter[Form | None] = Counter()
    for (form, _), n in found.items():
        by_form[form] += n
    counts = corpus.character_counts
    total = sum(counts.values())
    covered = list(accumulate(n for _, n in counts.most_common()))
    sizes = [size for size in (1000, 2000, 4000, 6000, 8000) if size < len(covered)]
    figures = {
        "poems": len(corpus.poems),
        "forms": {str(form): by_form[form] for form in NAMED_FORMS},
        "tunes": {tune.name: by_form[tune.form] for tune in tunes() if by_form[tune.form]},
        "dynasties": dict(Counter(poem.dynasty for poem in corpus.poems).most_common()),
        "characters": total,
        "different_characters": len(counts),
        "coverage": {size: round(covered[size - 1] / total, 5) for size in sizes},
        "left_out": dict(corpus.rejects_by_reason.most_common()),
        "files_without_poems": [plain(file) for file in corpus.skipped_files],
    }
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False))
        return
    click.echo(
        f"{counted(len(corpus.poems))}, {total:,} characters, {len(counts):,} different ones"
    )
    _print_forms(found)
    for size in sizes:
        click.echo(f"  the {size:,} commonest characters cover {covered[size - 1] / total:.2%}")
    if corpus.rejects:
        click.echo(f"{len(corpus.rejects):,} left out:")
        for reason, n in corpus.rejects_by_reason.most_common():
            click.echo(f"  {n:>7,}  {reason}")
    for file in corpus.skipped_files:
        click.echo(f"no poems in {plain(file)}")
    if verbose:
        for reject in corpus.rejects:
            text = " ".join(reject.text.split())
            told = f"{reject.file}:{reject.line}: {reject.reason}: {text}"
            click.echo(plain(told))


def _print_forms(found: Counter[tuple[Form | None, str]]) -> None:
    """Poems by form, and by dynasty where the corpus says one."""
    from rich.cells import cell_len, set_cell_size

    by_dynasty: Counter[str] = Counter()
    for (form, dynasty), n in found.items():
        by_dynasty[dynasty] += n if form is None or form.lines > 2 else 0
    columns = [name for name, _ in by_dynasty.most_common(8)] if any(by_dynasty) else []
    head = "".join(" " * (9 - cell_len(name or "–")) + (name or "–") for name in columns)
    click.echo(f"  {'':<12}{'all':>9}{head}")
    for form in (*NAMED_FORMS, *(tune.form for tune in tunes()), None):
        total = sum(n for (other, _), n in found.items() if other == form)
        if total:
            row = "".join(f"{found[form, dynasty]:>9,}" for dynasty in columns)
            click.echo(f"  {set_cell_size(str(form or '其他'), 12)}{total:>9,}{row}")


@command.command("encode")
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--form",
    metavar="FORM",
    help="Take poems of this form only, such as 七绝; without it, poems of all forms, with their "
    "titles, dynasties and authors.",
)
@click.option(
    "--min-count",
    type=click.IntRange(1),
    help="Keep characters that occur this often in the training part; by default 5 times in a "
    "large corpus and once in a small one.",
)
@click.option(
    "--windows/--no-windows",
    default=True,
    show_default=True,
    help="With --form: also train on four neighbouring lines of eight-line poems as quatrains.",
)
@click.option("--source", help="How the model card names the corpus; by default its file name.")
@encoding_option
def encode(
    paths: tuple[Path, ...],
    out: Path,
    form: str | None,
    min_count: int | None,
    windows: bool,
    source: str | None,
    encoding: str,
) -> None:
    """Write everything training needs to one file: poems as numbers, parts, vocabulary.

    An existing file is replaced. With a name that ends in .safetensors.xz the file is smaller, and
    slower to open.

    \b
    poetry-vae corpus encode POEMS jueju.safetensors --form 七绝
    poetry-vae corpus encode TANG SONG MING poems.safetensors
    """
    from poetry_vae.text.encoded import encode_corpus
    from poetry_vae.text.files import name_of
    from poetry_vae.text.treasury import encode_poems, has_form

    if out.exists() and any(path.exists() and path.samefile(out) for path in paths):
        raise click.BadParameter(f"{out} is one of the corpora: name another file to write to")
    wanted = None if form is None else Form.parse(form)
    corpus = read_for_people(*paths, encoding=encoding)
    source = source or ", ".join(map(name_of, paths))
    if wanted is None:
        treasury = encode_poems(corpus, min_count=min_count, source=source)
        treasury.save(out)
        if left := sum(not has_form(poem) for poem in corpus.poems):
            click.echo(f"{counted(left)} left out: too long", err=True)
        parts = ", ".join(f"{n:,} {part}" for part, n in treasury.sizes.items())
        told = f"{len(treasury.forms):,} forms, {parts}"
        click.echo(f"{plain(out)}: {told}; vocabulary of {len(treasury.tokenizer):,}")
        return
    encoded = encode_corpus(corpus, wanted, min_count=min_count, windows=windows, source=source)
    encoded.save(out)
    parts = ", ".join(f"{n:,} {part}" for part, n in encoded.sizes.items())
    click.echo(f"{plain(out)}: {wanted}, {parts}; vocabulary of {len(encoded.tokenizer):,}")


@command.command("download")
@click.option(
    "--to",
    "destination",
    type=click.Path(file_okay=False, path_type=Path),
    help="Download into this folder; by default the user's data folder.",
)
@click.option("--api-url", hidden=True, help="Another server with the layout of GitHub's API.")
@click.option("--raw-url", hidden=True, help="Another server with the layout of the raw files.")
def download(destination: Path | None, api_url: str | None, raw_url: str | None) -> None:
    """Fetch the Tang and Song poems of chinese-poetry (MIT) at a pinned commit.

    Checksums are verified. After an interrupted download, only missing files are fetched.

    \b
    poetry-vae corpus download
    poetry-vae corpus download --to poems
    """
    import platformdirs
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

    from poetry_vae.text import download as source

    folder = destination or Path(platformdirs.user_data_dir("poetry-vae")) / "chinese-poetry"
    told = TextColumn("{task.description}", markup=False)
    with progress_bar(told, BarColumn(), DownloadColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("asking for the list of files", total=None)

        def progress(at: source.DownloadProgress) -> None:
            name = plain(at.name)
            bar.update(task, description=name, completed=at.bytes_done, total=at.bytes_total)

        files = source.download_corpus(
            folder,
            api_url=api_url or source.API_URL,
            raw_url=raw_url or source.RAW_URL,
            progress=progress,
        )
    click.echo(f"{len(files)} files in {plain(folder)}", err=True)
    click.echo(str(folder))
