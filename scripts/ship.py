"""Put a trained model into the package: a byte a weight, measured on poems it has not seen.

    python scripts/ship.py MODEL_FOLDER --corpus ENCODED_CORPUS
    poetry-vae evaluate --form FORM --corpus ENCODED_CORPUS --output report
    python scripts/ship.py MODEL_FOLDER --corpus ENCODED_CORPUS --poems report/report.json
    python scripts/benchmarks/quality.py CORPUS --model NAME --manners ... --json quality.json
    python scripts/ship.py MODEL_FOLDER --corpus ENCODED_CORPUS --poems quality.json

The model takes the place of the one that ships for its form, and the lines it was trained on are
added to those that are known. Card and figures are those of the test
part, taken with the weights as shipped, beside the same figures of the full ones; with what either
command has measured of its poems these stand there too, beside real ones. Of several manners in
``quality.json`` the first is that of the defaults.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poetry_vae.evaluation.density import Density, density
from poetry_vae.model import pretrained
from poetry_vae.model.pretrained import CARD, FIGURES, load_model, save_model
from poetry_vae.text.encoded import EncodedCorpus, poems_for
from poetry_vae.text.known_lines import KnownLines, lines_file
from poetry_vae.verse.manner import Manner

_POEMS = 500
_UNKNOWN = "□"


def measure(folder: Path, corpus: Path) -> Density:
    """Figures on poems of the test part, drawn at random but always the same."""
    model = load_model(folder)
    ids = poems_for(corpus, model.form, model.tokenizer, part="test")
    ids = ids[np.random.default_rng(0).permutation(len(ids))[:_POEMS]]
    generator = torch.Generator().manual_seed(0)
    return density(
        model, torch.from_numpy(ids.astype("int64")), samples=(1, 100), generator=generator
    )


def training_lines(corpus: Path) -> Iterator[str]:
    """Every line of the training part; those with a character that is not in it are left out."""
    encoded = EncodedCorpus.load(corpus)
    for poem in encoded.tokenizer.decode_rows(encoded.parts["train"]):
        yield from (line for line in encoded.form.cut(poem) if _UNKNOWN not in line)


def table(full: Density, packed: Density) -> str:
    """Both precisions side by side, as Markdown."""
    rows = [
        ("bound, K = 1, nats a character", "{0.bounds[1].mean:.4f} ± {0.bounds[1].error:.4f}"),
        ("bound, K = 100", "{0.bounds[100].mean:.4f} ± {0.bounds[100].error:.4f}"),
        ("rate, nats a poem", "{0.rate.mean:.2f} ± {0.rate.error:.2f}"),
        ("active units", "{0.active_units} of {0.latent}"),
        ("characters reconstructed", "{0.reconstruction:.2%}"),
        ("whole poems reconstructed", "{0.whole_poems:.2%}"),
    ]
    lines = [f"| {name} | {row.format(full)} | {row.format(packed)} |" for name, row in rows]
    return "\n".join(["| | float32 | int8, as shipped |", "|---|---|---|", *lines])


_VERSE = [
    ("R", "{0[two_sample][r]:.1f} ± {0[two_sample][error]:.1f}"),
    ("R, second judge", "{0[two_sample][second_r]:.1f} ± {0[two_sample][second_error]:.1f}"),
    ("metre and rhyme", "{0[metre][both]:.1%}"),
    ("distinct-2", "{0[diversity][distinct_2]:.3f}"),
    ("poems with repeats", "{0[diversity][repeats]:.1%}"),
    ("pairs that are words", "{0[words][words]:.1%}"),
    ("lines in the training poems", "{0[novelty][known_lines]:.2%}"),
]


def measured_poems(file: Path) -> tuple[str, list[dict[str, Any]]]:
    """How poems were written, and what was measured of them and others, a row a source."""
    found = json.loads(file.read_text(encoding="utf-8"))
    if "verse" in found:
        return str(Manner(**found["models"][0]["manner"])), found["verse"]
    return "temperature, passes, trust, guidance, repetition", list(found["found"].values())


def verse(told: str, sources: list[dict[str, Any]]) -> str:
    """Figures of poems as Markdown, a column a source."""
    lines = ["", *(source["name"] for source in sources)], ["---"] * (1 + len(sources))
    rows = [[name, *(_cell(text, source) for source in sources)] for name, text in _VERSE]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in [*lines, *rows])
    return f"\nPoems ({told}):\n\n{table}\n"


def _cell(text: str, source: dict[str, Any]) -> str:
    try:
        return text.format(source)
    except (KeyError, TypeError):
        return "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument(
        "--poems", type=Path, help="report.json of `poetry-vae evaluate`, or what quality.py wrote"
    )
    asked = parser.parse_args()
    model = load_model(asked.model)
    target = Path(pretrained.__file__).parent / "shipped" / model.form.slug
    card = (asked.model / CARD).read_text(encoding="utf-8")
    figures = json.loads((asked.model / FIGURES).read_text(encoding="utf-8"))
    save_model(model, target, card=card, figures=figures, dtype=torch.int8)
    full, packed = measure(asked.model, asked.corpus), measure(target, asked.corpus)
    measured = {
        "nats_per_character": round(packed.bounds[1].mean, 4),
        "nats_per_character_k100": round(packed.bounds[100].mean, 4),
        "rate": round(packed.rate.mean, 3),
        "active_units": packed.active_units,
        "reconstruction": round(packed.reconstruction, 4),
        "measured_on": f"{packed.poems} test poems",
    }
    comparison = f"\nOn {packed.poems} poems of the test part:\n\n{table(full, packed)}\n"
    if asked.poems is not None:
        told, sources = measured_poems(asked.poems)
        comparison += verse(told, sources)
        own = (row for row in sources if row["kind"] == "model" and row["name"] != "real poems")
        found = next(own)["two_sample"]
        measured |= {"r": round(found["r"], 1), "second_r": round(found["second_r"], 1)}
    save_model(
        model,
        target,
        card=card + comparison,
        figures={**figures, **measured},
        dtype=torch.int8,
    )
    path = lines_file(target, model.form.chars)
    lines = KnownLines.of(training_lines(asked.corpus))
    if path.is_file():
        lines |= KnownLines.load(path)
    lines.save(path)
    size = path.stat().st_size
    print(f"{target.name}: {comparison}\n{len(lines):,} lines known, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
