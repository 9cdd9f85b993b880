"""The model card: a description, for people, of the model in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_vae.model.latents import named_levels
from poetry_vae.text.treasury import Treasury
from poetry_vae.training.diagnostics import Figures

if TYPE_CHECKING:
    from poetry_vae.training.run import Run


def model_card(run: Run, figures: Figures, step: int) -> str:
    """A README in Markdown for a model that was trained by ``run`` for ``step`` steps."""
    writes, dimensions = _written(run)
    changed = ", ".join(f"{k}={v}" for k, v in vars(run.training).items())
    poems = run.corpus.sizes
    begun = "" if run.start is None else " that went on from a trained model"
    return f"""# poetry-vae: {writes}

A variational autoencoder that writes {writes}, in traditional script.

- preset: `{run.preset}`, seed {run.seed}, after {step:,} steps{begun}
- corpus: {run.corpus.source};
  {poems["train"]:,} training poems, {poems["validation"]:,} for validation; the test part was not
  seen
- vocabulary: {run.model.vocabulary:,} symbols
- training: {changed}

| on validation poems | |
|---|---|
| bound, −ELBO | {figures.nats_per_character:.3f} nats a character |
| rate, KL(q‖p) | {figures.rate:.2f} nats a poem |
| active units | {figures.active_units} of {dimensions} |
| characters reconstructed | {figures.reconstruction:.1%} |
{_refined(figures)}
Load it with `poetry_vae.PoetryVAE.from_pretrained(folder)`, or write poems with
`poetry-vae generate --model FOLDER`.
"""


def _written(run: Run) -> tuple[str, int | str]:
    """The kind of poems that the model writes, and the dimensions of its code."""
    if isinstance(run.corpus, Treasury):
        model = run.model
        return "poems of any form", f"{model.latent} and {model.couplet_latent} a couplet"
    form = run.corpus.form
    dimensions = sum(units * size for _, units, size in named_levels(run.model))
    return f"{form} ({form.slug}), {form.described} characters", dimensions


def _refined(figures: Figures) -> str:
    rows = []
    if figures.refined is not None:
        name = "bound of the refiner, mean over all amounts of trust"
        rows.append(f"| {name} | {figures.refined:.3f} nats a character |\n")
    for form, nats in figures.by_form.items():
        rows.append(f"| −log p of {form}, nothing known of z | {nats:.3f} nats a character |\n")
    return "".join(rows)


def figures_to_keep(run: Run, figures: Figures, step: int) -> dict[str, object]:
    """The figures of a model for programs: `poetry-vae models` lists them."""
    return {
        "preset": run.preset,
        "corpus": run.corpus.source,
        "training_poems": run.corpus.sizes["train"],
        "step": step,
        "nats_per_character": round(figures.nats_per_character, 4),
        "rate": round(figures.rate, 3),
        "active_units": figures.active_units,
        "reconstruction": round(figures.reconstruction, 4),
    }
