"""Every member of the family after the same training time, on the same poems.

    python -m scripts.benchmarks family CORPUS.safetensors --runs FOLDER --minutes 10
    poetry-vae compare FOLDER/* --corpus CORPUS.safetensors --format markdown

CORPUS is an encoded corpus that knows dynasties. Each member is first timed for a few steps, then
trained with its whole schedule for as many as fit into the minutes of processor time; a finished
one is skipped, and a stopped one continues. The flat VAE is trained with three seeds to show the
effect of chance. ``--labels`` prints, beside M2, a classifier of the same make that learns from the
labels alone.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from measure import machine_line, parser, table, tell, use_threads, write_json

from poetry_vae.model.encoder import LabelClassifier
from poetry_vae.model.pretrained import CheckpointError
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.files import replace_file
from poetry_vae.training.batches import OfOneForm
from poetry_vae.training.checkpoint import STATE
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.run import Observer
from poetry_vae.training.train import settings_of, train

_STEPS, _LABELLED = "steps.json", (0.01, 0.1, 1.0)
_PATIENCE = 5
_TIMED_STEPS = 60

# The preset, the changes to it, and the seed, by the name of the run.
MEMBERS: dict[str, tuple[str, dict[str, Any], int]] = {
    "shi": ("shi", {}, 0),
    **{f"flat-{seed}": ("base", {"masked": 0}, seed) for seed in range(3)},
    "beta": ("beta", {}, 0),
    "freebits": ("freebits", {}, 0),
    "cyclical": ("cyclical", {}, 0),
    "aggressive": ("aggressive", {}, 0),
    "monte-carlo": ("base", {"masked": 0, "bound": "sampled-elbo", "samples": 8}, 0),
    "iwae": ("iwae", {}, 0),
    "iwae-doubly": ("iwae", {"doubly_reparameterised": True}, 0),
    "independent-levels": ("hierarchical", {"prior": "standard"}, 0),
    "hierarchical": ("hierarchical", {}, 0),
    "ladder": ("ladder", {}, 0),
    "ladder-no-free-bits": ("ladder", {"free_bits": 0}, 0),
    "ladder-all-warmed": ("ladder", {"free_bits": 0, "warm_top_only": False}, 0),
    "factor": ("factor", {}, 0),
    "fvae": ("fvae", {}, 0),
    "gaussian": ("gaussian", {}, 0),
    "bernoulli": ("bernoulli", {}, 0),
    "conditional": ("conditional", {}, 0),
    **{f"m2-{share}": ("m2", {"labelled": share}, 0) for share in _LABELLED},
}


class ProgressObserver(Observer):
    """A line on standard error for each validation."""

    def __init__(self, name: str) -> None:
        self.name = name

    def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
        rates = ", ".join(f"{name} {rate:.1f}" for name, rate in figures.level_rates.items())
        tell(
            f"{self.name}, step {step}: {figures.nats_per_character:.3f} nats a character, rate "
            f"{rates}; {figures.reconstruction:.1%}"
        )

    def warned(self, message: str) -> None:
        tell(f"{self.name}: {message}")


def seconds_a_step(corpus: EncodedCorpus, preset: str, overrides: Mapping[str, Any]) -> float:
    """Processor time of an optimiser step, validations left out."""
    settings = {
        **overrides,
        "epochs": 1,
        "min_steps": _TIMED_STEPS + 1,
        "patience": 0,
        "validate_every": 1000000,
    }
    marks: list[float] = []

    def mark() -> bool:
        marks.append(time.process_time())
        return len(marks) > _TIMED_STEPS

    with tempfile.TemporaryDirectory() as folder:
        train(corpus, folder, preset=preset, overrides=settings, should_stop=mark)
    half = len(marks) // 2
    return (marks[-1] - marks[half]) / (len(marks) - 1 - half)


def trained(
    name: str, corpus: EncodedCorpus, folder: Path, minutes: float, size: dict[str, Any]
) -> None:
    """Train a member, continue a stopped one, or skip a finished one."""
    preset, changes, seed = MEMBERS[name]
    settings = {**({} if preset == "shi" else size), **changes}
    kept = folder / _STEPS
    if kept.is_file():
        steps = int(json.loads(kept.read_text(encoding="utf-8")))
    else:
        steps = max(1, round(60 * minutes / seconds_a_step(corpus, preset, settings)))
        replace_file(kept, f"{steps}\n")
    _, _, training = settings_of(preset, corpus, settings)
    settings["epochs"] = steps * training.batch_size / len(corpus.parts["train"])
    settings |= {"min_steps": steps, "patience": 0}
    tell(f"{name}: {steps:,} steps")
    for resume in (False, True):
        try:
            train(
                corpus,
                folder,
                preset=preset,
                overrides=settings,
                seed=seed,
                resume=resume,
                observer=ProgressObserver(name),
            )
        except CheckpointError:
            if resume or not (folder / STATE).is_file():
                raise
        else:
            return


def accuracy_from_labels_alone(
    corpus: EncodedCorpus, share: float, size: dict[str, Any], between: int, seed: int = 0
) -> float:
    """Test accuracy of M2's classifier when it learns from the shown labels and nothing else.

    It stops after five validations in a row without a better accuracy on the validation part; there
    are ``between`` steps from one to the next.
    """
    corpus, config, training = settings_of("m2", corpus, size)

    def part(name: str) -> tuple[torch.Tensor, torch.Tensor]:
        ids = torch.from_numpy(corpus.parts[name].astype("int64"))  # type: ignore[index]
        labels = corpus.labels[training.label].parts[name].astype("int64")  # type: ignore[index]
        return ids, torch.from_numpy(labels)

    ids, labels = part("train")
    batches = OfOneForm(ids, training.batch_size, seed=seed, labels=labels, shown=share)
    torch.manual_seed(derived_seed(seed, "classifier"))
    model = LabelClassifier(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)

    @torch.no_grad()
    def accuracy(name: str, most: int) -> float:
        ids, labels = part(name)
        # Drawn at random, since a corpus is sorted by dynasty.
        drawn = torch.randperm(len(ids), generator=torch.Generator().manual_seed(0))[:most]
        ids, labels = ids[drawn], labels[drawn]
        guesses = torch.cat([model(some).argmax(-1) for some in torch.split(ids, 1000)])
        return (guesses == labels).float().mean().item()

    best, weights, since, step = 0.0, model.state_dict(), 0, 0
    while since < _PATIENCE:
        for _ in range(between):
            batch = batches(step)
            assert batch.taught is not None
            loss = torch.nn.functional.nll_loss(model(batch.taught[0]), batch.taught[1])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
        if (found := accuracy("validation", 5000)) > best:
            best, since = found, 0
            weights = {name: value.clone() for name, value in model.state_dict().items()}
        else:
            since += 1
    model.load_state_dict(weights)
    return accuracy("test", 10_000)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("--runs", type=Path, help="where the models go")
    options.add_argument("--minutes", type=float, default=10.0, help="for each member (10)")
    options.add_argument("--only", nargs="+", default=list(MEMBERS), choices=list(MEMBERS))
    options.add_argument("--hidden", type=int, default=96, help="units; not of the article's model")
    options.add_argument("--labels", action="store_true")
    options.add_argument("--between", type=int, default=200, help="validations of --labels (200)")
    options.add_argument("--threads", type=int, default=None)
    given = options.parse_args()
    if given.threads:
        use_threads(given.threads)
    print(machine := machine_line())
    corpus = EncodedCorpus.load(given.corpus)
    size = {"hidden": given.hidden}
    if given.runs:
        for name in given.only:
            trained(name, corpus, given.runs / name, given.minutes, size)
    if given.labels:
        found = {
            share: accuracy_from_labels_alone(corpus, share, size, given.between)
            for share in _LABELLED
        }
        print(table(["labels shown", "accuracy"], [[s, f"{a:.1%}"] for s, a in found.items()]))
        write_json(given.json, {"machine": machine, "labels alone": found})


if __name__ == "__main__":
    main()
