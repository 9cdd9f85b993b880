"""Is verse under constraint as good as free verse? Two-sample tests of the files of --quality.

    python -m scripts.benchmarks constraints CORPUS.safetensors --quality FOLDER
    python -m scripts.benchmarks constraint_quality CORPUS.safetensors FOLDER --judges JUDGES

For each rule: R of the first judge, and its mean log-likelihood, against real poems that keep the
same rule. Files of other forms, and of too few poems, are left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from measure import machine_line, parser, table, tell, use_threads, write_json

from poetry_vae.evaluation.judges.files import Judges
from poetry_vae.evaluation.material import read_samples
from poetry_vae.evaluation.metrics.two_sample import TwoSampleError
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.form import Form

_SIDES = ("real", "written")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("folder", type=Path)
    options.add_argument("--form", type=Form.parse, help="of the poems, if the corpus has many")
    options.add_argument("--judges", type=Path, required=True, help="where judges are kept")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int)
    given = options.parse_args()
    use_threads(given.threads)
    print(machine := machine_line(), end="\n\n")
    corpus = EncodedCorpus.load(given.corpus, given.form)
    form = corpus.form
    train, validation = (
        corpus.tokenizer.decode_rows(corpus.parts[part]) for part in ("train", "validation")
    )
    tell("the judge reads")
    judge = Judges(train, validation, form, seed=given.seed, folder=given.judges).first
    rows = []
    for real in sorted(given.folder.glob("*-real.txt")):
        name = real.stem.removesuffix("-real")
        try:
            sides = [read_samples(real.with_name(f"{name}-{side}.txt"), form) for side in _SIDES]
            poems, written = sides
            found = judge.two_sample(poems, written, given.seed)
        except (CorpusError, TwoSampleError) as error:
            tell(f"{name} is left out: {error}")
            continue
        likely = [f"{np.mean(judge.log_likelihood(side)):.1f}" for side in (written, poems)]
        rows.append([name, found.n, f"{found.r:.1f} ± {found.error:.1f}", *likely])
    heads = ["rule", "poems a side", "R", "log-likelihood", "of real poems"]
    print(f"{form}:\n")
    print(table(heads, rows))
    write_json(given.json, {"machine": machine, "form": form.slug, "rows": rows})


if __name__ == "__main__":
    main()
