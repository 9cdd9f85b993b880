"""R and its companions at several settings of drawing: temperature, passes, trust and so on.

    python -m scripts.benchmarks quality CORPUS.safetensors --model my-couplets \\
        --manners 0.8,5,0.8,0.4,0.8 0.8,10,0.8,0.4,0.8 1,10,0,0,0

    python -m scripts.benchmarks quality CORPUS.safetensors --model poet --dynasty 宋 -n 600 \\
        --coherence --manners 0.9,28,0.6,0.1,1,1 0.9,28,0.6,0.1,1,4 0.9,28,0.6,0.1,1,16

CORPUS is an encoded corpus, of one form or with --form; its test part has the real poems. Settings
are temperature,passes,trust,guidance,repetition[,candidates[,emphasis]]. Poems a second: of one
core, in blocks of 256 candidates.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import platformdirs
import torch
from measure import machine_line, parser, table, tell, use_threads, write_json

from poetry_vae.evaluation.judges.files import Judges
from poetry_vae.evaluation.material import Material
from poetry_vae.evaluation.report.columns import VERSE, Column, figure, named
from poetry_vae.evaluation.report.verse import VerseEvaluator, VerseRow
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.form import Form
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

_BLOCK, _TIMED = 256, 4
_KINDS = (float, int, float, float, float, int, float)  # of the numbers of sampling settings
_MEASURED = 10_000  # poems for figures other than R


def written(
    model: PoetryVAE, n: int, settings: SamplingSettings, seed: int
) -> tuple[list[str], float]:
    """``n`` poems as texts, and how many a second."""
    parts, seconds, sampler = [], [], Sampler(model, settings)
    block = max(1, _BLOCK // settings.candidates)
    for start in range(0, n, block):
        generator = torch.Generator().manual_seed(derived_seed(seed, "quality", start))
        begun = time.process_time()
        parts.append(sampler.write(block, generator=generator))
        seconds.append(time.process_time() - begun)
    ids = torch.cat(parts)[:n]
    some = sorted(seconds)[: max(1, len(seconds) // _TIMED)]
    return model.tokenizer.decode_rows(ids.numpy()), block * len(some) / sum(some)


SHOWN = (
    "R",
    "R, second judge",
    "metre and rhyme",
    "own second half, of 10",
    "distinct-2",
    "poems with repeats",
    "pairs that are words",
    "known lines",
)
COLUMNS = [*named(VERSE, SHOWN), Column("poems/s", figure("poems_a_second", 0))]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("--model", required=True)
    options.add_argument(
        "--manners",
        nargs="+",
        default=[],
        metavar="T,P,TRUST,GUIDANCE,REPETITION[,CANDIDATES[,EMPHASIS]]",
    )
    options.add_argument("--form", type=Form.parse, help="of the poems, if the corpus has many")
    options.add_argument("--dynasty", default="", help="asked of a model of any form")
    options.add_argument("--coherence", action="store_true", help="let the judge of it read too")
    options.add_argument("-n", type=int, default=25_000, help="poems a side, at most (25,000)")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    use_threads(1)
    print(machine_line(), end="\n\n", flush=True)
    form = given.form or EncodedCorpus.load(given.corpus).form
    model = PoetryVAE.from_pretrained(given.model).writing(form, dynasty=given.dynasty)
    material = Material.read(given.corpus, form)
    folder = Path(platformdirs.user_cache_dir("poetry-vae")) / "judges"
    train, validation = material.parts["train"], material.parts["validation"]
    read = Judges(train, validation, form, seed=given.seed, folder=folder)
    judges = read.first, read.second()
    coherence = read.coherence() if given.coherence else None
    each = min(_MEASURED, len(material.parts["test"]) // 2, given.n)  # equal in every row
    evaluator = VerseEvaluator(material, judges, each, given.seed, coherence)
    drawn = np.random.default_rng(derived_seed(given.seed, "real")).permutation(
        len(material.parts["test"])
    )
    real = [material.parts["test"][i] for i in drawn]
    found: dict[str, VerseRow] = {}
    rows = []
    texts, speed = real[: len(real) // 2], None
    for text in ["real poems", *given.manners]:
        against = real
        if text == "real poems":
            against = real[len(real) // 2 :]
        else:
            settings = SamplingSettings(
                *(kind(n) for kind, n in zip(_KINDS, text.split(","), strict=False))
            )
            texts, speed = written(model, given.n, settings, given.seed)
        tell(text)
        found[text] = evaluator.measure(text, "model", texts)
        found[text]["two_sample"] = evaluator.two_sample(against[: given.n], texts[: given.n])
        found[text]["poems_a_second"] = speed
        rows.append([text, *(column.cell(found[text]) for column in COLUMNS)])
        tell(" | ".join(rows[-1]))
    header = ["temperature, passes, trust, guidance, repetition, candidates, emphasis"]
    header += [column.label for column in COLUMNS]
    print(table(header, rows))
    write_json(given.json, {"found": found})


if __name__ == "__main__":
    main()
