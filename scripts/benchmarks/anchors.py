"""Autoregressive anchors for the two-sample test: trained on the same poems, written to text files.

    python scripts/benchmarks/anchors.py CORPUS.safetensors --kind lstm --like couplet5 \\
        --minutes 15 --output anchors
    poetry-vae evaluate couplet5 --corpus CORPUS.safetensors --samples anchors/lstm-0.9.txt

Kinds: ``kneser-ney`` (a 5-gram model), ``lstm`` (one layer) and ``transformer`` (four layers or
more), the latter two with the vocabulary and as many parameters as the model given by ``--like``,
within 2%, and as many minutes of processor time as it is told. Each writes its poems at three
temperatures.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from known_r import five_grams_with_line_ends
from measure import machine_line, tell, use_threads
from torch import Tensor, nn

from poetry_vae.model.attention import AttentionBlock
from poetry_vae.model.likelihoods import CategoricalHeads
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.files import replace_file
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer

_BEGIN = CharTokenizer.MASK
_BATCH, _RATE, _WARMUP = 256, 2e-3, 0.05


class Recurrent(nn.Module):
    """One LSTM layer over the characters before: ids [B, t] → hidden states [B, t, H]."""

    def __init__(self, vocabulary: int, positions: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.likelihood = CategoricalHeads(width, vocabulary)

    def forward(self, ids: Tensor) -> Tensor:
        hidden: Tensor = self.lstm(self.embedding(ids))[0]
        return hidden


class Attentive(nn.Module):
    """A small causal transformer: ids [B, t] → hidden states [B, t, H]."""

    def __init__(self, vocabulary: int, positions: int, width: int, layers: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(positions, width)
        self.blocks = nn.ModuleList(AttentionBlock(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.likelihood = CategoricalHeads(width, vocabulary)

    def forward(self, ids: Tensor) -> Tensor:
        t = ids.shape[1]
        sees = torch.ones(1, t, t, dtype=torch.bool).tril()
        x = self.embedding(ids) + self.places.weight[:t]
        for block in self.blocks:
            x = block(x, sees)
        hidden: Tensor = self.norm(x)
        return hidden


_KINDS = {"lstm": Recurrent, "transformer": Attentive}


def of_size(kind: str, parameters: int, vocabulary: int, positions: int) -> nn.Module:
    """The width whose number of parameters comes nearest; a multiple of the heads."""

    def built(width: int) -> nn.Module:
        return _KINDS[kind](vocabulary, positions, width)

    with torch.device("meta"):
        sizes = {w: sum(p.numel() for p in built(w).parameters()) for w in range(32, 513, 4)}
    width = min(sizes, key=lambda w: abs(sizes[w] - parameters))
    tell(f"{kind}: width {width}, {sizes[width]:,} parameters, wanted {parameters:,}")
    return built(width)


def train(model: nn.Module, ids: Tensor, valid: Tensor, minutes: float, seed: int) -> None:
    """Maximum likelihood for so many minutes of processor time, which the learning rate follows."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=0.01, fused=True)
    draws = torch.Generator().manual_seed(derived_seed(seed, "batches"))
    begun, step = time.process_time(), 0
    while (share := (time.process_time() - begun) / (60 * minutes)) < 1:
        rate = _RATE * min(1.0, share / _WARMUP) * 0.5 * (1 + math.cos(math.pi * share))
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = ids[torch.randint(len(ids), (_BATCH,), generator=draws)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = -_log_prob(model, batch).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 500 == 0:
            tell(f"step {step}, {share:.0%}: {loss.item():.3f} nats a character")
    with torch.no_grad():
        bound = -torch.cat([_log_prob(model, some) for some in torch.split(valid, 512)]).mean()
    tell(f"{step:,} steps of {_BATCH}; validation {bound:.4f} nats a character")


def _log_prob(model: nn.Module, ids: Tensor) -> Tensor:
    begin = torch.full((len(ids), 1), _BEGIN)
    hidden = model(torch.cat([begin, ids[:, :-1]], dim=1))
    out: Tensor = model.likelihood.log_prob(hidden, ids)
    return out


@torch.inference_mode()
def sample(model: nn.Module, n: int, positions: int, temperature: float, seed: int) -> Tensor:
    """``n`` poems, [n, T], character by character."""
    parts = []
    for start in range(0, n, 500):
        draws = torch.Generator().manual_seed(derived_seed(seed, "poems", start))
        ids = torch.full((min(500, n - start), 1), _BEGIN)
        for _ in range(positions):
            last = model(ids)[:, -1]
            drawn = model.likelihood.draw(last, temperature, generator=draws)
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
    options.add_argument("--minutes", type=float, default=15.0)
    options.add_argument("-n", type=int, default=25_000)
    options.add_argument("--temperatures", type=float, nargs="+", default=[0.8, 0.9, 1.0])
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
        model = of_size(given.kind, wanted, V, corpus.form.positions)
        ids = torch.from_numpy(corpus.parts["train"].astype("int64"))
        valid = torch.from_numpy(corpus.parts["validation"][:2048].astype("int64"))
        train(model, ids, valid, given.minutes, given.seed)
        model.eval()
    for temperature in given.temperatures:
        if model is None:
            drawn = n_grams(corpus, given.n, temperature, given.seed)
        else:
            drawn = sample(model, given.n, corpus.form.positions, temperature, given.seed)
        lines = [
            Poem(corpus.form.cut(corpus.tokenizer.decode(row))).one_line for row in drawn.tolist()
        ]
        path = given.output / f"{given.kind}-{temperature:g}.txt"
        replace_file(path, "\n".join(lines) + "\n")
        tell(f"{path}: {len(lines):,} poems")


if __name__ == "__main__":
    main()
