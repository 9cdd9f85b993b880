"""What each choice of the poet is worth: the same training with one change, by −log p.

    python -m scripts.benchmarks one_change poems.safetensors FOLDER --from jueju7
    python -m scripts.benchmarks one_change poems.safetensors FOLDER --from jueju7 --change no-later
    python -m scripts.benchmarks one_change poems.safetensors FOLDER --table

Each call trains one model from the same warm start for equally much processor time, and writes what
it found to FOLDER. The figure is −log p of Tang and Song poems of the test part, in nats a
character, with nothing known of z: with title and dynasty hidden, and told. The last call prints
the table of all that is there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import machine_line, parser, table, tell, use_threads, write_json
from torch import Tensor

from poetry_vae.model import orders
from poetry_vae.model.layout import Layout
from poetry_vae.model.places import PlaceEmbedding
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.text.treasury import Treasury
from poetry_vae.training import refinement
from poetry_vae.training.batches import Batch
from poetry_vae.training.many_forms import Items, PoemBatches
from poetry_vae.training.presets import PRESETS
from poetry_vae.training.run import Run
from poetry_vae.training.schedules import TrainingPlan
from poetry_vae.training.step import Trained

FORMS = ("七绝", "七律", "五绝", "五律", "七言联", "五言联")
_POEMS, _AT_ONCE = 500, 100  # of each form
_OLD = ("唐", "宋")
_SETTINGS: dict[str, Any] = {"batch_size": 64, "warmup": 0.008}  # those of the poet that ships


@dataclass(frozen=True)
class Change:
    """One change to the base."""

    told: str
    settings: dict[str, Any] = field(default_factory=dict)
    form: str = ""
    """The only form that is learned."""
    keep: Callable[[PoemBatches, Items], Any] | None = None
    """Which poems are learned."""
    patch: Callable[[], None] | None = None
    """What is replaced in the code, for this process alone."""
    has_titles: bool = True


def _of_old_dynasties(batches: PoemBatches, items: Items) -> Any:
    numbers = [i for i, name in enumerate(batches.model.dynasties, 1) if name in _OLD]
    return np.isin(batches.dynasties[items.poem], numbers)


def _count_from_beginning() -> None:
    def numbers(self: PlaceEmbedding, layout: Layout) -> dict[str, Tensor]:
        found = counted(self, layout)
        found["from_end"] = torch.zeros_like(found["from_end"])
        found["of_couplet"] = layout.from_start + self.chars * (layout.line % 2)
        return found

    counted = PlaceEmbedding.numbers
    PlaceEmbedding.numbers = numbers  # type: ignore[method-assign]


def _write_left_to_right() -> None:
    def written(
        layout: Layout, given: Tensor, *, in_turn: bool = False, passes: int | None = None
    ) -> orders.Order:
        places = torch.arange(given.shape[1]).expand(given.shape)
        return orders.Order(places, torch.ones_like(given), ~layout.there.expand(given.shape))

    setattr(orders, "written", written)  # noqa: B010
    refinement._ALL = 0.0  # no poem trusts z


CHANGES = {
    "base": Change("one model for all forms, 14.9 million parameters"),
    **{form: Change(f"{form} alone", form=form) for form in ("七绝", "七律", "五律", "五言联")},
    "no-later": Change("without 元 明 清", keep=_of_old_dynasties),
    "no-titles": Change("without titles", has_titles=False),
    "12M": Change("6 blocks: 12.3 million", {"refiner_layers": 6}),
    "9M": Change(
        "6 blocks, one table of characters: 9.2 million",
        {"refiner_layers": 6, "refiner_tables": False},
    ),
    "beginning": Change("places from the beginning alone", patch=_count_from_beginning),
    "left-to-right": Change(
        "the refiner alone, writing from left to right, without z",
        {"distrust": 1.0, "refiner_only": True},
        patch=_write_left_to_right,
    ),
}


def batches_of(run: Run, change: Change) -> PoemBatches:
    """The batches of a run, of the poems that a change leaves."""
    assert isinstance(run.corpus, Treasury)
    cpu = torch.device("cpu")
    batches = PoemBatches(
        run.corpus, "train", run.model, run.training.batch_size, seed=run.seed, device=cpu
    )
    if change.form:
        batches.items = batches.of_form(Form.parse(change.form))
        batches.couplets = []
    if change.keep:
        batches.items = batches.items[np.flatnonzero(change.keep(batches, batches.items))]
        batches.couplets = [c[np.flatnonzero(change.keep(batches, c))] for c in batches.couplets]
    if not change.has_titles:
        batches.title_lengths = np.zeros_like(batches.title_lengths)
    batches._batches = batches._of_epoch(0)
    batches.in_epoch = len(batches._batches)
    return batches


def unseen(corpus: Treasury, run: Run) -> dict[str, Batch]:
    """Tang and Song poems of the test part by form, with all that is known of them."""
    found = {}
    batches = PoemBatches(corpus, "test", run.model, 1, seed=0, device=torch.device("cpu"))
    for form in FORMS:
        items = batches.of_form(Form.parse(form))
        old = np.flatnonzero(_of_old_dynasties(batches, items))
        rows = np.random.default_rng(0).permutation(old)[:_POEMS]
        found[form] = batches.told(items[rows])
    return found


@torch.no_grad()
def log_loss(model: PoetryVAE, batch: Batch, *, is_told: bool) -> float:
    """−log p of poems in nats a character, nothing known of z."""
    asked = batch.asked if is_told else batch.asked.unsaid()  # type: ignore[union-attr]
    nats, places = 0.0, 0
    for start in range(0, len(batch.ids), _AT_ONCE):
        some = replace(batch, asked=asked).rows(slice(start, start + _AT_ONCE))
        trust = torch.zeros(len(some.ids))
        draws = torch.Generator().manual_seed(0)
        _, distortion = refinement.rate_and_distortion(
            model, some.ids, trust=trust, generator=draws, asked=some.asked
        )
        nats += float(distortion.sum())
        places += int(some.asked.layout.there.expand(some.ids.shape).sum())  # type: ignore[union-attr]
    return nats / places


def trained(run: Run, change: Change, minutes: float) -> tuple[Trained, int, float]:
    """Train for so many minutes of processor time: what came of it, the steps and the time."""
    batches = batches_of(run, change)
    full = PoemBatches(
        run.corpus,  # type: ignore[arg-type]
        "train",
        run.model,
        run.training.batch_size,
        seed=run.seed,
        device=torch.device("cpu"),
    )
    plan = TrainingPlan(run.training, full.in_epoch)  # the schedules of the base
    state = Trained.begin(run, torch.device("cpu"), poems=len(batches.items.start))
    generator, begun, step = torch.Generator(), time.process_time(), 0
    while (passed := time.process_time() - begun) < 60 * minutes:
        generator.manual_seed(derived_seed(run.seed, "step", step))
        state.step(step, batches(step), plan, generator)
        step += 1
        if step % 100 == 0:
            tell(f"{step} steps, {passed / 60:.1f} of {minutes:g} min, {batches.in_epoch} an epoch")
    return state, step, passed


def measured(corpus: Treasury, start: PoetryVAE, change: Change, minutes: float) -> dict[str, Any]:
    """One change: its figures by form, of the moving average and of the last weights."""
    settings = {**_SETTINGS, "refiner_layers": 12, "refiner_tables": True, **change.settings}
    model, training = PRESETS["poet"].configs(None, len(corpus.tokenizer), settings)
    run = Run(corpus, model, training, 0, "poet", start)
    if change.patch:
        change.patch()
    state, steps, seconds = trained(run, change, minutes)
    parameters = sum(p.numel() for p in state.model.parameters())
    found: dict[str, Any] = {"told": change.told, "steps": steps, "minutes": seconds / 60}
    for name, weights in (("average", state.kept), ("last", state.model)):
        weights.eval()
        found[name] = {
            form: {
                "hidden": log_loss(weights, batch, is_told=False),
                "told": log_loss(weights, batch, is_told=True),
            }
            for form, batch in unseen(corpus, run).items()
            if change.form in ("", form)
        }
    return {**found, "parameters": parameters, "machine": machine_line()}


def show(folder: Path) -> str:
    """All that was found so far, as a table."""
    rows = []
    for name in CHANGES:
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
        for weights, how in (("average", "hidden"), ("average", "told"), ("last", "hidden")):
            if name != "base" and weights == "last":
                continue
            told = found["told"] + {"told": ", told", "hidden": ""}[how]
            told += {"last": ", no moving average", "average": ""}[weights]
            by_form = found[weights]
            cells = [f"{by_form[f][how]:.3f}" if f in by_form else "" for f in FORMS]
            rows.append([told, f"{found['steps']:,}", *cells])
    return table(["", "steps", *FORMS], rows)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("folder", type=Path)
    options.add_argument("--from", dest="start", help="the model to start from")
    options.add_argument("--change", choices=CHANGES, default="base")
    options.add_argument("--minutes", type=float, default=40.0, help="of processor time")
    options.add_argument("--table", action="store_true", help="only print what was found")
    options.add_argument("--threads", type=int)
    given = options.parse_args()
    if not given.table:
        use_threads(given.threads)
        corpus, start = Treasury.open(given.corpus), PoetryVAE.from_pretrained(given.start)
        found = measured(corpus, start, CHANGES[given.change], given.minutes)
        given.folder.mkdir(parents=True, exist_ok=True)
        write_json(given.folder / f"{given.change}.json", found)
    print(show(given.folder))


if __name__ == "__main__":
    main()
