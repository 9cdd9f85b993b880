"""How well a model of any form knows which couplets belong together.

    python -m scripts.benchmarks agreement POEMS.safetensors --model poet --form 七绝 -n 60

POEMS is an encoded corpus of many forms. From ten second halves of unseen poems in one rhyme, how
often is the own one chosen for each first half? The halves are ranked by log p(second | first); by
its excess over log p of the half alone, as in ``verse.choosing.agreement``; and by its excess over
the mean of all ten first halves. Chance is 10%.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import torch
from measure import machine_line, parser, table, tell, use_threads, write_json
from torch import Tensor

from poetry_vae.evaluation.judges.coherence import OTHERS, by_rhyme, first_half
from poetry_vae.evaluation.material import Material
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.verse.choosing import surprise_by_place

_TEN = OTHERS + 1


def scores(model: PoetryVAE, ids: Tensor) -> dict[str, Tensor]:
    """How well each first half [10, T] goes with each second one, by name: [10, 10]."""
    border = first_half(model.form)
    pairs = torch.cat(
        [
            ids[:, None, :border].expand(-1, _TEN, -1),
            ids[None, :, border:].expand(_TEN, -1, -1),
        ],
        -1,
    ).flatten(0, 1)
    likely = -surprise_by_place(model, pairs)[:, border:].sum(-1).view(_TEN, _TEN)
    second = torch.arange(ids.shape[1])[None] >= border
    alone = -surprise_by_place(model, ids, only=second).sum(-1)
    return {
        "log p(second, after the first)": likely,
        "less log p(second)": likely - alone,
        "less its mean": likely - likely.logsumexp(0),
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("--model", default="poet")
    options.add_argument("--form", default="七绝")
    options.add_argument("-n", type=int, default=60, help="poems asked about (60)")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    use_threads(1)
    print(machine_line(), end="\n\n", flush=True)
    form = Form.parse(given.form)
    model = PoetryVAE.from_pretrained(given.model).writing(form)
    read = Material.read(given.corpus, form).parts["test"]
    texts = [text for text in read if "□" not in text]
    rng = np.random.default_rng(derived_seed(given.seed, "halves"))
    groups = [rows for rows in by_rhyme(texts).values() if len(rows) >= _TEN]
    weights = np.array([len(rows) for rows in groups]) / sum(map(len, groups))
    right: Counter[str] = Counter()
    rounds = max(1, given.n // _TEN)
    for number in range(rounds):
        rows = rng.choice(groups[rng.choice(len(groups), p=weights)], _TEN, replace=False)
        for name, found in scores(model, model.ids_of([texts[i] for i in rows])).items():
            right[name] += int((found.argmax(1) == torch.arange(_TEN)).sum())
        tell(f"{number + 1} of {rounds}")
    asked = rounds * _TEN
    shares = {name: (right[name] / asked) for name in right}
    rows_shown = [
        [name, f"{p:.0%} ± {(p * (1 - p) / asked) ** 0.5:.0%}"] for name, p in shares.items()
    ]
    print(table(["the own half is taken by", f"of {asked} poems"], rows_shown))
    write_json(given.json, {"shares": shares, "poems": asked})


if __name__ == "__main__":
    main()
