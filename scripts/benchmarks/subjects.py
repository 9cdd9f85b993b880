"""How often a poem is about the subject asked for: the judge of subjects by form and setting.

    python -m scripts.benchmarks subjects POEMS.safetensors --model poet --form 七绝 -n 150

POEMS is an encoded corpus of many forms. A poem is written to each of ``n`` titles of its test
part, in both ways of sampling, and the judge picks among ten titles; real unseen poems with their
own titles are judged for comparison. Chance is 10%.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import platformdirs
from measure import machine_line, parser, table, tell, use_threads, write_json

from poetry_vae.evaluation.judges.files import Judges
from poetry_vae.evaluation.judges.towers import Taken
from poetry_vae.evaluation.material import Material
from poetry_vae.evaluation.report.subjects import poems_to, subjects_of
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.verse.sampling_settings import Sampling, SamplingSettings

_WAYS: tuple[Sampling, ...] = ("plain", "chosen")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("--model", default="poet")
    options.add_argument("--form", default="七绝")
    options.add_argument("-n", type=int, default=150, help="titles (150)")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--candidates", type=int, nargs="*", default=[], metavar="N")
    given = options.parse_args()
    use_threads(1)
    print(machine_line(), end="\n\n", flush=True)
    form, seed = Form.parse(given.form), given.seed
    model = PoetryVAE.from_pretrained(given.model).writing(form)
    material = Material.read(given.corpus, form)
    folder = Path(platformdirs.user_cache_dir("poetry-vae")) / "judges"
    train, validation = material.parts["train"], material.parts["validation"]
    judges = Judges(train, validation, form, seed=seed, folder=folder)
    judge = judges.subject(material.titles["train"])
    pool = material.titles["test"]
    asked = subjects_of(pool, given.n, seed)
    found: dict[str, Taken | None] = {}

    def measure(name: str, texts: Sequence[str], titles: Sequence[str]) -> None:
        found[name] = judge.measure(texts, titles, pool, seed)
        tell(f"{name}: {found[name]}")

    real = material.parts["test"]
    measure("real unseen poems", real, pool)
    by_title = dict(zip(pool, real, strict=True))
    measure("real poems of the titles asked for", [by_title[title] for title in asked], asked)
    ways: dict[str, partial[SamplingSettings]] = {}
    ways |= {sampling: partial(SamplingSettings.of, sampling=sampling) for sampling in _WAYS}
    for many in given.candidates:
        ways[f"chosen of {many}"] = partial(ways["chosen"], candidates=many)
    for name, settings in ways.items():
        measure(f"{given.model}, {name}", poems_to(model, asked, settings, seed), asked)
    rows = [
        [name, f"{t.own:.1%} ± {t.error:.1%}", f"{t.exchanged:.1%}", f"{t.poems:,}"]
        for name, t in found.items()
        if t is not None
    ]
    print(table(["", "own title, of ten", "titles exchanged", "titles asked about"], rows))
    write_json(given.json, {"found": {name: t and asdict(t) for name, t in found.items()}})


if __name__ == "__main__":
    main()
