"""The cost of constraints, and whether they are kept.

    python -m scripts.benchmarks constraints CORPUS.safetensors... --kept --metre --json FILE
    python -m scripts.benchmarks constraints CORPUS.safetensors... --cost --same --quality FOLDER

One encoded corpus for the form of every model, or one of poems of all forms. ``--models poet:七绝``
names the form of a model that writes any. Sections:

--kept N: combinations of constraints that a real poem keeps, so that each refusal is a fault, and a
tenth as many that no poem keeps, of every known kind. Two poems of each are judged by the
independent rules of ``naive_rules.py``.
--metre N: shares of poems that keep length, rhyme and metre by ``text.scansion``, beside real poems
and chance, which is lines shuffled between poems; the naive rules have to agree on every poem.
--cost: poems a second by rule, beside free verse.
--same: the same poems in two processes whose hashes of strings differ.
--quality FOLDER: samples, and real poems that keep the same: a poem a line, for two-sample tests.

With --json every section is stored as soon as it is done; a section stored with the same settings
is read, not measured again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import naive_rules as naive
import torch
from constraint_cost import asked, cost, show_cost, written
from constraint_kept import kept, show_kept, show_unsatisfied, unsatisfied
from drawn_rules import Lines, Subject
from measure import machine_line, parser, table, tell, use_threads, write_json
from metre_table import shuffled

from poetry_vae import Metre, Pin, Rhyme, Rule, acrostic
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.files import replace_file
from poetry_vae.text.form import Form
from poetry_vae.text.metre import Rules
from poetry_vae.text.poem import Poem
from poetry_vae.text.scansion import MetreReport, Readings, check
from poetry_vae.text.treasury import is_treasury
from poetry_vae.verse.generate import in_script
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

Figures = dict[str, Any]
# Shares of length, rhyme, metre and all three, as others report them for language models.
_REPORTED = {
    "reported: a masked 8B language model": ("100%", "97.5%", "100%", "97.5%"),
    "reported: CharPoet": ("99.1%", "7.0%", "17.0%", "2.1%"),
}


def metre(subjects: Sequence[Subject], n: int, seed: int) -> Figures:
    """Shares by model, by source of the poems, and by strictness of readings."""
    found: Figures = {}
    for subject in subjects:
        form = subject.model.form
        real = random.Random(seed).sample(subject.poems, min(n, len(subject.poems)))
        tell(f"metre: {subject.name}")
        sources: dict[str, Sequence[Lines]] = {
            "constrained": [poem.lines for poem in written(subject, n, seed, Metre())],
            "unconstrained": [poem.lines for poem in written(subject, n, seed)],
            "real": real,
            "chance": shuffled(real, random.Random(seed)),
        }
        found[subject.name] = {
            name: {
                "poems": len(poems),
                "length": sum(list(map(len, x)) == [form.chars] * form.lines for x in poems)
                / len(poems),
                **{readings: _shares(poems, readings) for readings in ("lenient", "strict")},
            }
            for name, poems in sources.items()
        }
    return found


def _shares(poems: Sequence[Lines], readings: Readings) -> Figures:
    """Shares of rhyme, metre and both, and the poems on which the naive rules disagree."""
    counts = {"rhyme": 0, "metre": 0, "all": 0}
    disagreed = []
    for lines in poems:
        report = check(lines, readings=readings)
        counts["rhyme"] += report.keeps_rhyme
        counts["metre"] += report.keeps_metre
        counts["all"] += report.ok
        loose = check(lines, rules="loose", readings=readings)
        if not (_agrees(report, "strict", readings) and _agrees(loose, "loose", readings)):
            disagreed.append("，".join(lines))
    shares = {name: count / len(poems) for name, count in counts.items()}
    return {**shares, "disagreed": len(disagreed), "examples": disagreed[:5]}


def _agrees(report: MetreReport, rules: Rules, readings: Readings) -> bool:
    # Whether line 1 must rhyme depends on the template, so only the whole verdict decides it.
    rhymes = all(fault.kind != "韵" for fault in report.faults)
    verdict = naive.verdict(report.lines, rules=rules, reading=readings)
    if report.style in ("古绝", "古体"):  # rhymes in oblique tones, which the verdict leaves out
        return not verdict.metre and not report.ok
    return verdict == (report.keeps_metre, rhymes, report.ok)


def show_metre(figures: Figures) -> str:
    """The table of :func:`metre`."""
    rows: list[list[object]] = []
    for model, sources in figures.items():
        for source, row in sources.items():
            shares = [f"{row['lenient'][key]:.1%}" for key in ("rhyme", "metre", "all")]
            strict = [f"{row['strict'][key]:.1%}" for key in ("rhyme", "metre", "all")]
            disagreed = row["lenient"]["disagreed"] + row["strict"]["disagreed"]
            told = [f"{row['poems']:,}", f"{row['length']:.1%}", *shares, *strict, disagreed]
            rows.append([f"{model}, {source}", *told])
    rows += [[name, "", *shares, "", "", "", ""] for name, shares in _REPORTED.items()]
    header = ["", "poems", "length", "rhyme", "metre", "all"]
    header += ["rhyme, strict readings", "metre, strict readings", "all, strict readings"]
    return table([*header, "naive rules disagree"], rows)


def digests(model: PoetryVAE) -> dict[str, str]:
    """The poems that must be the same in every process, by rule."""
    found = {}
    for name, constraint in asked(model.form).items():
        sampler = Sampler(model, SamplingSettings.of(model), constraint)
        ids = sampler.write(8, generator=torch.Generator().manual_seed(1))
        found[name] = hashlib.sha256(ids.numpy().tobytes()).hexdigest()
    return found


def same(subjects: Sequence[Subject]) -> Figures:
    """Digests of two processes, by model."""
    found: Figures = {}
    for subject in subjects:
        outputs = []
        for hashing in ("1", "2"):
            tell(f"same: {subject.name}, process {hashing}")
            done = subprocess.run(
                [sys.executable, __file__, "--digests", subject.name],
                env={**os.environ, "PYTHONHASHSEED": hashing},
                stdout=subprocess.PIPE,
                check=True,
            )
            outputs.append(json.loads(done.stdout))
        found[subject.name] = {name: [other[name] for other in outputs] for name in outputs[0]}
    return found


def show_same(figures: Figures) -> str:
    """The table of :func:`same`."""
    rows = [
        [f"{model}, {name}", "yes" if len(set(found)) == 1 else "NO", found[0][:12]]
        for model, by_name in figures.items()
        for name, found in by_name.items()
    ]
    return table(["latents and poems of one seed", "the same in two processes", "digest"], rows)


_QUALITY: dict[str, Rule] = {
    "metre": Metre(),
    "pin": Pin(1, 1, "春"),
    "rhyme": Rhyme("真"),
}


def quality(
    subjects: Sequence[Subject], n: int, seed: int, folder: Path, settings: Figures
) -> Figures:
    """Write the files of samples and of real poems; returns how many poems each has.

    No real poem has the heads of the acrostic, so any poems are taken for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: Figures = {}
    for subject in subjects:
        heads = acrostic("春江花月夜山風水"[: subject.model.form.lines])
        model = re.sub(r"[^\w.]+", "-", subject.name).strip("-")  # it may be a path
        for name, constraint in {**_QUALITY, "acrostic": heads}.items():
            tell(f"quality: {subject.name}, {name}")
            how = SamplingSettings.of(subject.model, **settings)
            sampler = Sampler(subject.model, how, constraint)
            is_kept = name != "acrostic"
            real = [
                x for x in subject.poems if not is_kept or not naive.broken(constraint.parts, x)
            ]
            real = random.Random(seed).sample(real, min(n, len(real)))
            sources = {
                "written": list(islice(sampler.stream(seed), n)),
                "real": list(map(Poem, real)),
            }
            for source, poems in sources.items():
                file = f"{model}-{name}-{source}.txt"
                text = "".join(f"{in_script(poem, 'simplified').one_line}\n" for poem in poems)
                replace_file(folder / file, text)
                found[file] = len(poems)
    return found


def show_quality(figures: Figures) -> str:
    """The table of :func:`quality`."""
    return table(["file", "poems"], [[name, f"{count:,}"] for name, count in figures.items()])


def section(
    stored: Figures,
    path: Path | None,
    name: str,
    settings: Figures,
    measured: Callable[[], Figures],
    shown: Callable[[Figures], str],
) -> None:
    """Measure a section, or read it where it was stored with the same settings; and print it."""
    if stored.get(name, {}).get("settings") != settings:
        # The section as JSON reads it back, so that a stored one is shown like a fresh one.
        figures = json.loads(json.dumps(measured()))
        stored[name] = {"settings": settings, "machine": machine_line(), "figures": figures}
        write_json(path, stored)
    told = ", ".join(f"{key} {value}" for key, value in settings.items())
    print(f"## {name} ({told})\n\n{shown(stored[name]['figures'])}", flush=True)


def _model(name: str) -> PoetryVAE:
    """A model by its name, or ``MODEL:FORM`` where it writes any."""
    name, _, form = name.partition(":")
    model = PoetryVAE.from_pretrained(name)
    return model.writing(Form.parse(form)) if form else model


def _corpus(paths: Sequence[Path], form: Form) -> EncodedCorpus:
    for path in paths:
        if is_treasury(path):
            return EncodedCorpus.load(path, form)
        if (corpus := EncodedCorpus.load(path)).form == form:
            return corpus
    raise SystemExit(f"no corpus has poems of {form}: give an encoded one")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpora", type=Path, nargs="*", help="encoded, one for each form")
    options.add_argument("--models", nargs="+", default=["poet:七绝", "poet:五言联"])
    options.add_argument("--kept", type=int, nargs="?", const=10_000, metavar="N")
    options.add_argument("--metre", type=int, nargs="?", const=10_000, metavar="N")
    options.add_argument("--cost", action="store_true")
    options.add_argument("--same", action="store_true")
    options.add_argument("--quality", type=Path, metavar="FOLDER")
    options.add_argument("--poems", type=int, default=1000, help="of --cost and --quality (1000)")
    options.add_argument("--temperature", type=float, help="of --quality; else the model's")
    options.add_argument("--passes", type=int, help="of --quality; else the model's")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int, help="of torch; without it, its own choice")
    options.add_argument("--digests", metavar="MODEL", help="print what --same compares")
    given = options.parse_args()
    use_threads(given.threads)
    if given.digests:
        print(json.dumps(digests(_model(given.digests))))
        return
    print(machine_line(), end="\n\n", flush=True)
    subjects = []
    for name in given.models:
        model = _model(name)
        subjects.append(Subject.of(name, model, _corpus(given.corpora, model.form)))
    stored: Figures = {}
    if given.json is not None and given.json.is_file():
        stored = json.loads(given.json.read_text(encoding="utf-8"))
    seed, path = given.seed, given.json
    models = " ".join(given.models)
    common: Figures = {"models": models, "seed": seed}

    if n := given.kept:
        few = max(1, n // 10)
        told = common | {"combinations": n}
        section(stored, path, "kept", told, lambda: kept(subjects, n, seed), show_kept)
        told = common | {"constraints": few}
        section(
            stored,
            path,
            "unsatisfied",
            told,
            lambda: unsatisfied(subjects, few, seed),
            show_unsatisfied,
        )
    if many := given.metre:
        told = common | {"poems": many}
        section(stored, path, "metre", told, lambda: metre(subjects, many, seed), show_metre)
    if given.cost:
        told = common | {"poems": given.poems}
        section(
            stored,
            path,
            "cost",
            told,
            lambda: cost(subjects, given.poems, seed),
            show_cost,
        )
    if given.same:
        section(stored, path, "same", {"models": models}, lambda: same(subjects), show_same)
    if given.quality:
        settings = {"temperature": given.temperature, "passes": given.passes}
        told = common | settings | {"poems": given.poems, "folder": str(given.quality)}
        section(
            stored,
            path,
            "quality",
            told,
            lambda: quality(subjects, given.poems, seed, given.quality, settings),
            show_quality,
        )


if __name__ == "__main__":
    main()
