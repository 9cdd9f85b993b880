"""A small corpus and a small model, for tests of whatever needs one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.form import Form
from poetry_vae.text.labels import LabelColumn
from poetry_vae.text.poem import Poem
from poetry_vae.text.splitting import PARTS, Part
from poetry_vae.text.tensor_file import SUMS
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.text.treasury import Treasury, encode_blocks

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


def small_poet(
    tokenizer: CharTokenizer | None = None, *, dynasties: tuple[str, ...] = ("唐",)
) -> PoetryVAE:
    """A model of any form."""
    tokenizer = tokenizer or small_tokenizer()
    config = small_config(
        forms="any",
        lines=64,
        chars=9,
        vocabulary=len(tokenizer),
        couplet_latent=4,
        prior="learned",
        refiner_layers=1,
        dynasties=dynasties,
        subject=3,
        in_turn=True,
    )
    return PoetryVAE.build(config, tokenizer, seed=0).eval()


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


FORMS = ("五言联", "七言联", "五绝", "七绝", "五律", "忆江南", "浣溪沙", "七排10句")


def small_poems(each: int = 12, forms: tuple[str, ...] = FORMS) -> dict[Part, list[Poem]]:
    """Poems of many forms by part, with titles that name a character of the poem."""
    rng = np.random.default_rng(0)
    poems: dict[Part, list[Poem]] = {}
    for part in PARTS:
        poems[part] = []
        for form in map(Form.parse, forms):
            for i in range(each):
                text = "".join(rng.choice(list(CHARACTERS), form.positions))
                dynasty = ("唐", "宋", "")[i % 3]
                poem = Poem.typed(text, form, title=text[:2], author="無名", dynasty=dynasty)
                poems[part].append(poem)
    return poems


def small_treasury(each: int = 12, forms: tuple[str, ...] = FORMS) -> Treasury:
    return encode_blocks(small_poems(each, forms), min_count=1, source="made-up poems")


def without_sums(path: Path) -> Path:
    """A file of tensors as earlier versions and other programs write it, without checksums."""
    with safe_open(path, framework="numpy") as file:
        about = {key: text for key, text in file.metadata().items() if key != SUMS}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    path.write_bytes(save(tensors, about))
    return path
