"""What each choice of the poet is worth: the same training with one change, by −log p.

    python -m scripts.benchmarks one_change poems.safetensors FOLDER --from jueju7
    python -m scripts.benchmarks one_change poems.safetensors FOLDER --from jueju7 --change no-later
    python -m scripts.benchmarks one_change poems.safetensors FOLDER --table

Each call trains one model from the same warm start for equally much processor time, or for equally
much time of an accelerator, and writes what it found to FOLDER. The figure is −log p of Tang and
Song poems of the test part, in nats a character, with nothing known of z: with title and dynasty
hidden, and told. Beside it are the bound, the rates of the levels, and the hole of the prior (an
AUC, see ``evaluation/metrics/latent.py``). The last call prints the tables of all that is there.
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

from poetry_vae.evaluation.metrics.latent import hole
from poetry_vae.model import orders
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.layout import Layout, PlaceEmbedding
from poetry_vae.model.pretrained import save_model
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.units import Asking, UnitLevel
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.text.treasury import Treasury
from poetry_vae.training import refinement
from poetry_vae.training.batches import Batch
from poetry_vae.training.device import find_device, find_precision
from poetry_vae.training.diagnostics import watch
from poetry_vae.training.many_forms import Items, PoemBatches
from poetry_vae.training.presets import PRESETS, parsed
from poetry_vae.training.run import Run
from poetry_vae.training.schedules import TrainingPlan
from poetry_vae.training.step import Trained
from poetry_vae.training.warm_start import warm_started

FORMS = ("七绝", "七律", "五绝", "五律", "七言联", "五言联")
_POEMS, _AT_ONCE = 500, 100  # of each form
_HOLE_FORMS = ("五绝", "七绝")
_OLD = ("唐", "宋")
_SETTINGS: dict[str, Any] = {"warmup": 0.008, "beta": 0.6}  # as of the poet that ships


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
    frozen: tuple[str, ...] = ()
    """How the names of parameters begin that do not learn."""


def _forget_units_before() -> None:
    def prior(self: UnitLevel, z: Tensor, poem: Tensor, asking: Asking) -> DiagonalGaussian:
        return given_all(self, torch.zeros_like(z), poem, asking)

    given_all = UnitLevel._prior
    UnitLevel._prior = prior  # type: ignore[method-assign]


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
        places = torch.arange(given.shape[1], device=given.device).expand(given.shape)
        return orders.Order(places, torch.ones_like(given), ~layout.there.expand(given.shape))

    setattr(orders, "written", written)  # noqa: B010
    refinement._ALL = 0.0  # no poem trusts z


CHANGES = {
    "base": Change("one model for all forms, 14.9 million parameters"),
    **{form: Change(f"{form} alone", form=form) for form in ("七绝", "七律", "五律", "五言联")},
    "no-later": Change("without 元 明 清", keep=_of_old_dynasties),
    "no-titles": Change("without titles", has_titles=False),
    "19M": Change("a refiner of 256 units: 19.1 million", {"refiner_hidden": 256}),
    "12M": Change("6 blocks: 12.3 million", {"refiner_layers": 6}),
    "9M": Change(
        "6 blocks, one table of characters: 9.2 million",
        {"refiner_layers": 6, "refiner_tables": False},
    ),
    "beginning": Change("places from the beginning alone", patch=_count_from_beginning),
    "no-units-before": Change(
        "the prior of a unit does not see the units before", patch=_forget_units_before
    ),
    "standard-prior": Change(
        "the prior is N(0, I)", frozen=("latents.0.prior.", "latents.1.prior.")
    ),
    "left-to-right": Change(
        "the refiner alone, writing from left to right, without z",
        {"distrust": 1.0, "refiner_only": True},
        patch=_write_left_to_right,
    ),
}


def batches_of(run: Run, change: Change, device: torch.device) -> PoemBatches:
    """The batches of a run, of the poems that a change leaves."""
    batches = _all_batches(run, device)
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


def _all_batches(run: Run, device: torch.device) -> PoemBatches:
    assert isinstance(run.corpus, Treasury)
    size = run.training.batch_size
    return PoemBatches(run.corpus, "train", run.model, size, seed=run.seed, device=device)


def unseen(corpus: Treasury, run: Run, device: torch.device) -> dict[str, Batch]:
    """Tang and Song poems of the test part by form, with all that is known of them."""
    found = {}
    batches = PoemBatches(corpus, "test", run.model, 1, seed=0, device=device)
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
        trust = torch.zeros(len(some.ids), device=model.device)
        draws = torch.Generator(model.device).manual_seed(0)
        _, distortion = refinement.rate_and_distortion(
            model, some.ids, trust=trust, generator=draws, asked=some.asked
        )
        nats += float(distortion.sum())
        places += int(some.asked.layout.there.expand(some.ids.shape).sum())  # type: ignore[union-attr]
    return nats / places


def latent_figures(model: PoetryVAE, corpus: Treasury, run: Run) -> dict[str, Any]:
    """The bound with K = 1, the rates of the levels and the hole, by form, on unseen poems of all
    dynasties, nothing asked."""
    found = {}
    batches = PoemBatches(corpus, "test", run.model, 1, seed=0, device=model.device)
    for name in _HOLE_FORMS:
        form = Form.parse(name)
        batch, view = batches.told(batches.of_form(form)), model.writing(form)
        draws = torch.Generator(model.device).manual_seed(0)
        figures = watch(view, batch.ids[:_POEMS], generator=draws)
        with torch.no_grad():
            codes = [
                view.encode(ids).rsample(1, generator=draws)[0].cpu()
                for ids in torch.split(batch.ids, 500)
            ]
        auc = hole(torch.cat(codes), generator=torch.Generator().manual_seed(0))
        found[name] = {
            "bound": figures.nats_per_character,
            "rates": dict(figures.level_rates),
            "reconstructed": figures.reconstruction,
            "hole": auc.mean,
            "hole_error": auc.error,
            "poems": len(batch.ids),
        }
    return found


class Training:
    """One model in training, with one change."""

    def __init__(self, run: Run, change: Change, device: torch.device) -> None:
        self.run, self.device = run, device
        self.dtype = find_precision(device)
        self.batches = batches_of(run, change, device)
        in_epoch = _all_batches(run, device).in_epoch
        self.plan = TrainingPlan(run.training, in_epoch)  # the schedules of the base
        self.state = Trained.begin(run, device, poems=len(self.batches.items.start))
        for name, parameter in self.state.model.named_parameters():
            if name.startswith(change.frozen or "none"):
                parameter.requires_grad_(False)
        self.generator = torch.Generator(device)

    def step(self, number: int, *, pace: float = 1.0) -> None:
        self.generator.manual_seed(derived_seed(self.run.seed, "step", number))
        batch = self.batches(number)
        self.state.step(number, batch, self.plan, self.generator, dtype=self.dtype, pace=pace)

    def seconds(self) -> float:
        """Time of the processor, or of the clock where an accelerator works."""
        if self.device.type == "cpu":
            return time.process_time()
        torch.accelerator.synchronize()
        return time.monotonic()

    def go_on(self, minutes: float) -> tuple[int, float]:
        """Train for so long: the steps and the seconds."""
        begun, step = self.seconds(), 0
        while (passed := self.seconds() - begun) < 60 * minutes:
            self.step(step)
            step += 1
            if step % 100 == 0:
                of = f"{passed / 60:.1f} of {minutes:g} min, {self.batches.in_epoch} an epoch"
                tell(f"{step} steps, {of}")
        return step, passed


def measured(training: Training, corpus: Treasury, change: Change) -> dict[str, Any]:
    """The figures of a trained model by form, of the moving average and of the last weights."""
    state = training.state
    parameters = sum(p.numel() for p in state.model.parameters())
    found: dict[str, Any] = {"told": change.told, "parameters": parameters}
    by_form = unseen(corpus, training.run, training.device)
    for name, weights in (("average", state.kept), ("last", state.model)):
        weights.eval()
        found[name] = {
            form: {
                "hidden": log_loss(weights, batch, is_told=False),
                "told": log_loss(weights, batch, is_told=True),
            }
            for form, batch in by_form.items()
            if change.form in ("", form)
        }
    if not change.form and not training.run.training.refiner_only:
        found["latent"] = latent_figures(state.kept, corpus, training.run)
    return {**found, "machine": f"{training.device}, {machine_line()}"}


def run_of(corpus: Treasury, start: PoetryVAE, change: Change, settings: dict[str, Any]) -> Run:
    """The run of one change. A wider refiner begins as the function of the base's."""
    base = {**_SETTINGS, "refiner_layers": 12, "refiner_tables": True, **settings}
    size = len(corpus.tokenizer)
    model, training = PRESETS["poet"].configs(None, size, {**base, **change.settings})
    if "refiner_hidden" in change.settings:
        narrower, _ = PRESETS["poet"].configs(None, size, base)
        start = warm_started(narrower, corpus.tokenizer, start, seed=0)
    return Run(corpus, model, training, 0, "poet", start)


def found_in(folder: Path) -> dict[str, Any]:
    """All that was found so far, by change."""
    paths = {name: folder / f"{name}.json" for name in CHANGES}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.exists()
    }


def show(folder: Path) -> str:
    """All that was found so far, as tables."""
    rows, latent = [], []
    for name, found in found_in(folder).items():
        for weights, how in (("average", "hidden"), ("average", "told"), ("last", "hidden")):
            if name != "base" and weights == "last":
                continue
            told = found["told"] + {"told": ", told", "hidden": ""}[how]
            told += {"last": ", no moving average", "average": ""}[weights]
            by_form = found[weights]
            cells = [f"{by_form[f][how]:.3f}" if f in by_form else "" for f in FORMS]
            rows.append([told, f"{found['steps']:,}", *cells])
        for form, figures in found.get("latent", {}).items():
            rates = ", ".join(f"{level} {rate:.1f}" for level, rate in figures["rates"].items())
            auc = f"{figures['hole']:.3f} ± {figures['hole_error'] or 0:.3f}"
            cells = [form, f"{figures['bound']:.3f}", rates, f"{figures['reconstructed']:.1%}", auc]
            latent.append([found["told"], *cells])
    of_latent = table(["", "form", "bound", "rates", "reconstructed", "hole, AUC"], latent)
    return f"{table(['', 'steps', *FORMS], rows)}\n{of_latent}"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("folder", type=Path)
    options.add_argument("--from", dest="start", help="the model to start from")
    options.add_argument("--change", choices=CHANGES, default="base")
    options.add_argument("--minutes", type=float, default=40.0, help="of processor time")
    options.add_argument("--table", action="store_true", help="only print what was found")
    options.add_argument("--threads", type=int)
    options.add_argument("--device", default="cpu", help="then minutes are of the clock")
    options.add_argument("--batch", type=int, default=64, help="poems in a step (64)")
    options.add_argument("--rate", type=float, default=1e-3, help="learning rate (0.001)")
    options.add_argument("--keep", type=Path, help="write the weights here, too")
    options.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help="other settings of the base"
    )
    given = options.parse_args()
    if not given.table:
        use_threads(given.threads)
        change, start = CHANGES[given.change], PoetryVAE.from_pretrained(given.start)
        corpus = Treasury.open(given.corpus)
        settings: dict[str, Any] = {"batch_size": given.batch, "learning_rate": given.rate}
        for name, _, text in (setting.partition("=") for setting in given.set):
            settings[name] = parsed(name, text)
        run = run_of(corpus, start, change, settings)
        if change.patch:
            change.patch()
        training = Training(run, change, find_device(given.device))
        steps, seconds = training.go_on(given.minutes)
        found = measured(training, corpus, change)
        given.folder.mkdir(parents=True, exist_ok=True)
        figures = {**found, "steps": steps, "minutes": seconds / 60}
        write_json(given.folder / f"{given.change}.json", figures)
        if given.keep:
            save_model(training.state.kept, given.keep, dtype=torch.int8)
    print(show(given.folder))
    write_json(given.json, found_in(given.folder))


if __name__ == "__main__":
    main()
