"""A corpus: the clean poems of a file or folder, and an account of what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from poetry_vae.text.cleaning import RejectedTextError, clean_lines
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.readers import Record, find_reader, load_text
from poetry_vae.text.script import fold, looks_simplified, to_traditional
from poetry_vae.text.titles import split_tune

_SUFFIXES = (".json", ".jsonl", ".csv", ".txt")
_REPEATED = "the same poem a second time"


@dataclass(frozen=True)
class Reject:
    """A poem that was not taken, and where it stands."""

    reason: str
    file: Path
    line: int
    text: str


@dataclass
class Corpus:
    """Poems in the models' orthography, in the order of their files."""

    poems: list[Poem] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    skipped_files: list[Path] = field(default_factory=list)
    """Files of the folder that hold something other than poems."""

    @property
    def rejects_by_reason(self) -> Counter[str]:
        return Counter(reject.reason for reject in self.rejects)

    def count(self, form: Form) -> int:
        """How many poems of the form the corpus has (couplets are found inside longer poems)."""
        return sum(1 for poem in self.poems for _ in poem.of_form(form))

    @property
    def character_counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for poem in self.poems:
            counts.update(poem.text)
        return counts


Progress = Callable[[Path, int, int], None]
"""Called before each file with its path, the bytes read so far and the bytes there are in all."""


def corpus_files(path: Path) -> list[Path]:
    """The files a corpus consists of: the file itself, or those of a folder that may hold poems.

    Raises:
        CorpusError: there is nothing at the path, or the folder has no file that may hold poems.
    """
    if path.is_dir():
        files = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in _SUFFIXES
            and file.is_file()
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
        )
        if not files:
            raise CorpusError(f"{path}: no {', '.join(_SUFFIXES)} file in this folder")
        return files
    if not path.exists():
        raise CorpusError(
            f"{path}: no such file or folder (`poetry-vae corpus download` fetches a corpus)"
        )
    return [path]


def read_corpus(
    path: Path | str, *, encoding: str = "utf-8", progress: Progress | None = None
) -> Corpus:
    """Read every poem of a file or folder, whatever mixture of known formats it holds.

    Simplified files are converted, variants folded, editors' marks removed; damaged poems and
    exact repetitions are left out and listed in ``rejects``.

    Raises:
        CorpusError: a file cannot be read or is broken, or no poem was found at all.
    """
    files = corpus_files(Path(path))
    sizes = [file.stat().st_size for file in files]
    corpus = Corpus()
    seen: set[tuple[str, ...]] = set()
    for i, file in enumerate(files):
        if progress:
            progress(file, sum(sizes[:i]), sum(sizes))
        text = load_text(file, encoding)
        reader = find_reader(file, text)
        if reader is None:
            if len(files) == 1:
                raise CorpusError(
                    f"{file}: no poems found; known are JSON as in chinese-poetry, CSV with "
                    "题目,朝代,作者,内容, JSON Lines with title, author, lines, and plain text"
                )
            corpus.skipped_files.append(file)
            continue
        records = list(reader(file, text))
        simplified = looks_simplified(record.text for record in islice(records, 50))
        for record in records:
            _take(record, file, simplified, corpus, seen)
    if not corpus.poems:
        raise CorpusError(f"{path}: not a single poem in {len(files)} file(s){_why(corpus)}")
    return corpus


def _take(
    record: Record, file: Path, simplified: bool, corpus: Corpus, seen: set[tuple[str, ...]]
) -> None:
    try:
        read = to_traditional if simplified else fold
        lines = clean_lines(read(record.text))
        if lines in seen:
            raise RejectedTextError(_REPEATED)
    except RejectedTextError as reason:
        corpus.rejects.append(Reject(str(reason), file, record.line, record.text[:60]))
        return
    seen.add(lines)
    tune, title = split_tune(read(record.title), tuple(map(len, lines)))
    corpus.poems.append(Poem(lines, title, record.author, record.dynasty, tune))


def _why(corpus: Corpus) -> str:
    reasons = ", ".join(f"{n} with {reason}" for reason, n in corpus.rejects_by_reason.items())
    return f" (left out: {reasons})" if reasons else ""
