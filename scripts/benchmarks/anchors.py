"""Autoregressive anchors for the two-sample test: trained on the same poems, written to text files.

    python -m scripts.benchmarks anchors CORPUS.safetensors --kind lstm --like my-couplets \\
        --minutes 15 --output anchors
    poetry-vae evaluate my-couplets --corpus CORPUS.safetensors --samples anchors/lstm-0.9.txt

Kinds: ``kneser-ney`` (a 5-gram model), ``lstm`` (one layer) and ``transformer``. The latter have
the vocabulary and as many parameters as the model given by ``--like``, within 2%, or the
``--width`` given, and train for ``--minutes`` of processor time, the last fifth of it on the poems
of ``--then``, if given. Each writes poems at three temperatures and saves its weights, which
``--weights`` reads instead of training.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from known_r import five_grams_with_line_ends
from measure import machine_line, tell, use_threads
from safetensors.torch import load_file, save
from torch import Tensor, nn

from poetry_vae.model.attention import AttentionBlock, Memory
from poetry_vae.model.likelihoods import CategoricalHeads
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.files import replace_file
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer

_BEGIN = CharTokenizer.MASK
_BATCH, _RATE, _WARMUP = 256, 2e-3, 0.05
_THEN = 0.8  # share of the time after which the poems of --then are the only ones


class Recurrent(nn.Module):
    """One LSTM layer over the characters before: ids [B, t] → hidden states [B, t, H].

    With a memory, ids continue the characters that it has read.
    """

    def __init__(self, vocabulary: int, positions: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.likelihood = CategoricalHeads(width, vocabulary)

    def memory(self) -> list[Any]:
        return [None]

    def forward(self, ids: Tensor, memory: list[Any] | None = None) -> Tensor:
        hidden: Tensor
        hidden, state = self.lstm(self.embedding(ids), memory[0] if memory else None)
        if memory:
            memory[0] = state
        return hidden


class Attentive(nn.Module):
    """A small causal transformer: ids [B, t] → hidden states [B, t, H]; with a memory, t is 1.

    A memory is the number of characters that were read, and a memory of each block.
    """

    def __init__(self, vocabulary: int, positions: int, width: int, layers: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(positions, width)
        self.blocks = nn.ModuleList(AttentionBlock(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.likelihood = CategoricalHeads(width, vocabulary)

    def memory(self) -> list[Any]:
        return [0, *(Memory() for _ in self.blocks)]

    def forward(self, ids: Tensor, memory: list[Any] | None = None) -> Tensor:
        t = ids.shape[1]
        begun, *seen = memory or [0, *[None] * len(self.blocks)]
        sees = torch.ones(1, t, t, dtype=torch.bool).tril() if memory is None else None
        x = self.embedding(ids) + self.places.weight[begun : begun + t]
        for block, seen_by in zip(self.blocks, seen, strict=True):
            x = block(x, sees, seen_by)
        if memory:
            memory[0] += t
        hidden: Tensor = self.norm(x)
        return hidden


_KINDS = {"lstm": Recurrent, "transformer": Attentive}


def of_size(parameters: int, built: Callable[[int], nn.Module]) -> int:
    """The width whose number of parameters comes nearest; a multiple of the heads."""
    with torch.device("meta"):
        sizes = {w: sum(p.numel() for p in built(w).parameters()) for w in range(32, 513, 4)}
    return min(sizes, key=lambda w: abs(sizes[w] - parameters))


def train(
    model: nn.Module, ids: Tensor, then: Tensor, valid: Tensor, minutes: float, seed: int
) -> None:
    """Maximum likelihood for so many minutes of processor time, which the learning rate follows."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=0.01, fused=True)
    draws = torch.Generator().manual_seed(derived_seed(seed, "batches"))
    begun, step = time.process_time(), 0
    while (share := (time.process_time() - begun) / (60 * minutes)) < 1:
        rate = _RATE * min(1.0, share / _WARMUP) * 0.5 * (1 + math.cos(math.pi * share))
        for group in optimiser.param_groups:
            group["lr"] = rate
        poems = ids if share < _THEN else then
        batch = poems[torch.randint(len(poems), (_BATCH,), generator=draws)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = -_log_prob(model, batch).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 500 == 0:
            told = f"{loss.item():.3f} nats a character, validation {_distance(model, valid):.4f}"
            tell(f"step {step}, {share:.0%}: {told}")
    told = f"validation {_distance(model, valid):.4f} nats a character"
    tell(f"{step:,} steps of {_BATCH}; {told}")


@torch.no_grad()
def _distance(model: nn.Module, poems: Tensor) -> float:
    return -torch.cat([_log_prob(model, some) for some in torch.split(poems, 512)]).mean().item()


def _log_prob(model: nn.Module, ids: Tensor) -> Tensor:
    begin = torch.full((len(ids), 1), _BEGIN)
    hidden = model(torch.cat([begin, ids[:, :-1]], dim=1))
    out: Tensor = model.likelihood.log_prob(hidden, ids)
    return out


@torch.inference_mode()
def sample(
    model: nn.Module, n: int, positions: int, temperature: float, repetition: float, seed: int
) -> Tensor:
    """``n`` poems, [n, T], character by character."""
    parts = []
    for start in range(0, n, 500):
        draws = torch.Generator().manual_seed(derived_seed(seed, "poems", start))
        ids = torch.full((min(500, n - start), 1), _BEGIN)
        memory = model.memory()
        for _ in range(positions):
            last = model(ids[:, -1:], memory)[:, -1]
            drawn = model.likelihood.draw(
                last, temperature, present=ids, repetition=repetition, generator=draws
            )
            ids = torch.cat([ids, drawn[:, None]], dim=1)
        parts.append(ids[:, 1:])
    return torch.cat(parts)


def n_grams(corpus: EncodedCorpus, n: int, temperature: float, seed: int) -> Tensor:
    """Poems of a 5-gram Kneser–Ney model of all training poems, which knows line ends: [n, T]."""
    rng = np.random.default_rng(derived_seed(seed, "n-grams"))
    train, V = corpus.parts["train"].astype(np.int64), len(corpus.tokenizer)
    return torch.from_numpy(
        five_grams_with_line_ends(train, corpus.form, n, V, rng, temperature=temperature)
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("corpus", type=Path)
    options.add_argument("--kind", choices=["kneser-ney", *_KINDS], required=True)
    options.add_argument("--like", help="the model whose number of parameters is matched")
    options.add_argument("--width", type=int, help="a multiple of 4, in place of that size")
    options.add_argument("--layers", type=int, default=4, help="of the transformer")
    options.add_argument("--then", type=Path, help="the poems of the last fifth of the time")
    options.add_argument("--minutes", type=float, default=15.0)
    options.add_argument("--weights", type=Path, help="of an earlier call, in place of training")
    options.add_argument("-n", type=int, default=25_000)
    options.add_argument("--temperatures", type=float, nargs="+", default=[0.8, 0.9, 1.0])
    options.add_argument("--repetition", type=float, default=0.0, help="as of poetry-vae generate")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--output", type=Path, required=True)
    given = options.parse_args()
    use_threads(given.threads)
    tell(machine_line())
    corpus = EncodedCorpus.load(given.corpus)
    model = None
    if given.kind != "kneser-ney":
        like = PoetryVAE.from_pretrained(given.like or corpus.form.slug)
        corpus = corpus.in_vocabulary(like.tokenizer)
        torch.manual_seed(derived_seed(given.seed, "anchor"))
        V, wanted = len(corpus.tokenizer), sum(p.numel() for p in like.parameters())
        shape = {"layers": given.layers} if given.kind == "transformer" else {}
        built = partial(_KINDS[given.kind], V, corpus.form.positions, **shape)
        width = given.width or of_size(wanted, built)
        model = built(width)
        size = sum(p.numel() for p in model.parameters())
        tell(f"{given.kind}: width {width}, {size:,} parameters beside {wanted:,}")
        then = EncodedCorpus.load(given.then or given.corpus).in_vocabulary(like.tokenizer)
        ids, last = (torch.from_numpy(c.parts["train"].astype("int64")) for c in (corpus, then))
        valid = torch.from_numpy(corpus.parts["validation"][:2048].astype("int64"))
        if given.weights:
            model.load_state_dict(load_file(given.weights))
        else:
            train(model, ids, last, valid, given.minutes, given.seed)
            replace_file(given.output / f"{given.kind}.safetensors", save(model.state_dict()))
        model.eval()
    for temperature in given.temperatures:
        if model is None:
            drawn = n_grams(corpus, given.n, temperature, given.seed)
        else:
            settings = temperature, given.repetition
            drawn = sample(model, given.n, corpus.form.positions, *settings, given.seed)
        lines = [
            Poem(corpus.form.cut(corpus.tokenizer.decode(row))).one_line for row in drawn.tolist()
        ]
        name = f"{given.kind}-{temperature:g}" + (f"-{r:g}" if (r := given.repetition) else "")
        path = given.output / f"{name}.txt"
        replace_file(path, "\n".join(lines) + "\n")
        tell(f"{path}: {len(lines):,} poems")


if __name__ == "__main__":
    main()
