"""A small corpus and a small model, for tests of whatever needs one."""

from __future__ import annotations

import numpy as np

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.form import Form
from poetry_vae.text.labels import LabelColumn
from poetry_vae.text.tokenizer import CharTokenizer

CHARACTERS = "不人山無風一日雲有何來天中時花春上年月水"
COUPLET = Form.of(2, 5)


def small_tokenizer() -> CharTokenizer:
    return CharTokenizer(list(CHARACTERS))


def small_config(**changes: object) -> ModelConfig:
    values: dict[str, object] = {
        "lines": 2,
        "chars": 5,
        "vocabulary": len(small_tokenizer()),
        "hidden": 8,
        "latent": 4,
        "encoder_layers": 1,
        "decoder_layers": 1,
    }
    return ModelConfig(**{**values, **changes})  # type: ignore[arg-type]


def small_model(seed: int = 0, **changes: object) -> PoetryVAE:
    return PoetryVAE.build(small_config(**changes), small_tokenizer(), seed=seed).eval()


def small_corpus(
    poems: int = 64, form: Form = COUPLET, *, is_labelled: bool = False
) -> EncodedCorpus:
    """Poems whose second half repeats the first, so that there is something to learn."""
    rng = np.random.default_rng(0)

    def part(n: int) -> np.ndarray:
        half = rng.integers(2, len(small_tokenizer()), (n, form.positions // 2))
        return np.concatenate([half, half], axis=1).astype(np.uint16)

    parts = {"train": part(poems), "validation": part(16), "test": part(16)}
    labels = {}
    if is_labelled:  # by the first character
        early = {name: (ids[:, 0] > 11).astype(np.uint16) for name, ids in parts.items()}
        labels["dynasty"] = LabelColumn(("宋", "唐"), early)  # type: ignore[arg-type]
    return EncodedCorpus(form, small_tokenizer(), parts, "a made-up corpus", labels)  # type: ignore[arg-type]
