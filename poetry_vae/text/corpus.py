"""A corpus: the clean poems of a file or folder, and an account of what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from os import walk
from pathlib import Path

from poetry_vae.text.cleaning import RejectedTextError, clean_lines
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.form import NAMED_FORMS, Form, tunes
from poetry_vae.text.names import dynasty_named
from poetry_vae.text.opening import (
    ARCHIVE_SUFFIX,
    PACKED_SUFFIXES,
    SUFFIXES,
    decode,
    may_hold_poems,
    read_members,
    size_of,
)
from poetry_vae.text.poem import Poem
from poetry_vae.text.readers import KNOWN_FORMATS, find_reader
from poetry_vae.text.script import fold, looks_simplified, to_traditional
from poetry_vae.text.source_poem import SourcePoem
from poetry_vae.text.titles import split_tune

_REPEATED = "the same poem a second time"


@dataclass(frozen=True)
class Reject:
    """A poem that was left out: its place in a file, and the reason."""

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

    def by_form_and_dynasty(self) -> Counter[tuple[Form | None, str]]:
        """How many poems there are of every form that has a name, in one pass; None is any other.

        Couplets are found inside longer poems, as :meth:`Poem.of_form` has it.
        """
        couplets = [form for form in NAMED_FORMS if form.lines == 2]
        named = {form.lengths for form in (*NAMED_FORMS, *(t.form for t in tunes()))}
        counts: Counter[tuple[Form | None, str]] = Counter()
        for poem in self.poems:
            own = poem.form if poem.lengths in named else None
            if own is None or not (own.tune or own in NAMED_FORMS):
                counts[None, poem.dynasty] += 1
            elif own not in couplets:
                counts[own, poem.dynasty] += 1
            for couplet in couplets:
                if n := sum(1 for _ in poem.of_form(couplet)):
                    counts[couplet, poem.dynasty] += n
        return counts

    @property
    def character_counts(self) -> Counter[str]:
        return Counter("".join(poem.text for poem in self.poems))


ReadingProgress = Callable[[Path, int, int], None]
"""Called before each file with its path, the bytes read so far and the bytes in all files."""


def corpus_files(path: Path) -> list[Path]:
    """The files a corpus consists of: the file itself, or those of a folder that may hold poems.

    Raises:
        CorpusError: there is nothing at the path, the folder has no file that may hold poems, or
            something there is no regular file, too large, or a folder that cannot be read.
    """
    return [file for file, _ in _sized_files(path)]


def _sized_files(path: Path) -> list[tuple[Path, int]]:
    if not is_folder(path):
        return [(path, size_of(path))]

    def refuse(error: OSError) -> None:
        raise CorpusError(f"{error.filename}: cannot be read ({error.strerror})") from error

    files: list[Path] = []
    for folder, inside, names in walk(path, onerror=refuse):
        inside[:] = [name for name in inside if not name.startswith(".")]
        kept = (name for name in names if may_hold_poems(name) and not name.startswith("."))
        files.extend(Path(folder, name) for name in kept)
    if not files:
        packed = ", ".join((*PACKED_SUFFIXES, ARCHIVE_SUFFIX))
        raise CorpusError(
            f"{path}: no {', '.join(SUFFIXES)} file in this folder, nor one packed as {packed}"
        )
    return [(file, size_of(file)) for file in sorted(files)]


def is_folder(path: Path) -> bool:
    """Whether a corpus is a folder, or a file.

    Raises:
        CorpusError: there is nothing.
    """
    try:
        if path.is_dir():
            return True
        if path.exists() or path.is_symlink():
            return False
    except (OSError, ValueError):  # a link that leads to itself, a name that cannot be one
        return False
    raise CorpusError(
        f"{path}: no such file or folder (`poetry-vae corpus download` fetches a corpus)"
    )


def read_corpus(
    *paths: Path | str, encoding: str = "utf-8", progress: ReadingProgress | None = None
) -> Corpus:
    """Read every poem of files or folders, whatever mixture of known formats they hold.

    Simplified files are converted, variants folded, editors' marks removed; damaged poems and
    exact repetitions are left out and listed in ``rejects``.

    Raises:
        CorpusError: a file cannot be read or is broken, or no poem was found at all.
    """
    files = [sized for path in paths for sized in _sized_files(Path(path))]
    total, done, read = sum(size for _, size in files), 0, 0
    corpus = Corpus()
    seen: set[tuple[str, ...]] = set()
    for file, size in files:
        if progress:
            progress(file, done, total)
        done += size
        for member, data in read_members(file):
            read += 1
            if not _read_one(member, decode(member, data, encoding), corpus, seen):
                corpus.skipped_files.append(member)
    if not corpus.poems:
        if corpus.skipped_files and not corpus.rejects and read == 1:
            raise CorpusError(
                f"{corpus.skipped_files[0]}: no poems found; known are {KNOWN_FORMATS}"
            )
        where = ", ".join(map(str, paths))
        raise CorpusError(f"{where}: not a single poem in {read} file(s){_why(corpus)}")
    return corpus


def _read_one(path: Path, text: str, corpus: Corpus, seen: set[tuple[str, ...]]) -> bool:
    """Take the poems of one text; False if it holds something other than poems."""
    reader = find_reader(path, text)
    if reader is None:
        return False
    records = list(reader(path, text))
    simplified = looks_simplified(record.text for record in islice(records, 50))
    for record in records:
        _take(record, path, simplified, corpus, seen)
    return True


def _take(
    record: SourcePoem, file: Path, simplified: bool, corpus: Corpus, seen: set[tuple[str, ...]]
) -> None:
    try:
        if record.fault:
            raise RejectedTextError(record.fault)
        read = to_traditional if simplified else fold
        lines = clean_lines(read(record.text))
        if lines in seen:
            raise RejectedTextError(_REPEATED)
    except RejectedTextError as reason:
        corpus.rejects.append(Reject(str(reason), file, record.line, record.text[:60]))
        return
    seen.add(lines)
    tune, title = split_tune(read(record.title), tuple(map(len, lines)))
    corpus.poems.append(Poem(lines, title, record.author, dynasty_named(record.dynasty), tune))


def _why(corpus: Corpus) -> str:
    reasons = ", ".join(f"{n} with {reason}" for reason, n in corpus.rejects_by_reason.items())
    return f" (left out: {reasons})" if reasons else ""
