"""Would a more flexible prior close the hole? A flow and a Gaussian, fitted to a model's codes.

    python -m scripts.benchmarks prior_flow poems.safetensors --model poet --form 五绝 --r JUDGES

The codes are samples of the posterior of training poems, in standard deviations of the prior. Two
densities are fitted to them: a Gaussian with all its correlations, and after it a normalising flow
of affine couplings (Dinh et al. 2017, "Density estimation using Real NVP"). A critic then tells the
codes of unseen poems from draws of each density (``evaluation/metrics/latent.py``); since the maps
are invertible, it is shown the codes mapped back and N(0, I). With ``--r``, poems are written with
full trust in draws of each, and with codes of unseen poems themselves, which no prior can surpass.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from measure import machine_line, parser, table, tell, use_threads, write_json
from torch import Tensor, nn

from poetry_vae.evaluation.judges.files import Judges
from poetry_vae.evaluation.metrics.latent import hole
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.form import Form
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

_CODES, _BATCH, _EPOCHS, _RATE = 100_000, 512, 20, 1e-3
_COUPLINGS, _HIDDEN = 8, 384


class Coupling(nn.Module):
    """One half of the coordinates, shifted and scaled by a network that sees the other half."""

    def __init__(self, size: int, seed: int) -> None:
        super().__init__()
        order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
        self.seen, self.moved = order[: size // 2], order[size // 2 :]
        self.network = nn.Sequential(
            nn.Linear(len(self.seen), _HIDDEN),
            nn.GELU(),
            nn.Dropout(0.2),
            nn.Linear(_HIDDEN, 2 * len(self.moved)),
        )
        nn.init.zeros_(self.network[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.network[-1].bias)  # type: ignore[arg-type]

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shift, scale = self.network(x[:, self.seen]).chunk(2, -1)
        return shift, scale.tanh()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """From codes towards noise [N, D], and log |det| [N]."""
        shift, scale = self._parts(x)
        moved = (x[:, self.moved] - shift) * (-scale).exp()
        return x.index_copy(1, self.moved, moved), -scale.sum(-1)

    def back(self, x: Tensor) -> Tensor:
        """From noise towards codes."""
        shift, scale = self._parts(x)
        return x.index_copy(1, self.moved, x[:, self.moved] * scale.exp() + shift)


class Flow(nn.Module):
    """Couplings after a Gaussian with all its correlations."""

    def __init__(self, codes: Tensor, couplings: int) -> None:
        super().__init__()
        self.mean = codes.mean(0)
        self.lower = torch.linalg.cholesky(torch.cov(codes.T))
        self.couplings = nn.ModuleList(Coupling(codes.shape[1], i) for i in range(couplings))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """From codes to noise [N, D], and log |det| [N] without the constant of the Gaussian."""
        x = torch.linalg.solve_triangular(self.lower, (z - self.mean).T, upper=False).T
        total = x.new_zeros(len(x))
        for coupling in self.couplings:
            x, change = coupling(x)
            total = total + change
        return x, total

    def back(self, noise: Tensor) -> Tensor:
        """From noise to codes."""
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)
            noise = coupling.back(noise)
        codes: Tensor = noise @ self.lower.T + self.mean
        return codes

    def loss(self, z: Tensor) -> Tensor:
        """−log p of codes in nats, without its constants."""
        x, change = self(z)
        nats: Tensor = (0.5 * x.square().sum(-1) - change).mean()
        return nats


def fit(codes: Tensor, held: Tensor, seed: int) -> Flow:
    """A flow that fits the codes; the epoch that fits the held ones best is kept."""
    torch.manual_seed(seed)
    flow = Flow(codes, _COUPLINGS)
    optimiser = torch.optim.AdamW(flow.parameters(), lr=_RATE, weight_decay=0.01)
    size = min(_BATCH, len(codes))
    steps = _EPOCHS * (len(codes) // size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    best, kept = float("inf"), copy.deepcopy(flow)
    for epoch in range(_EPOCHS):
        flow.train()
        for rows in torch.split(torch.randperm(len(codes)), size)[: len(codes) // size]:
            optimiser.zero_grad()
            flow.loss(codes[rows]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        flow.eval()
        with torch.no_grad():
            found = float(flow.loss(held))
        tell(f"epoch {epoch}: {found:.3f}")
        if found < best:
            best, kept = found, copy.deepcopy(flow)
    return kept


@torch.no_grad()
def codes_of(model: PoetryVAE, ids: Tensor, seed: int) -> Tensor:
    """One sample of the posterior of each poem, [N, D]."""
    draws = torch.Generator().manual_seed(seed)
    parts = [model.encode(some).rsample(1, generator=draws)[0] for some in torch.split(ids, 500)]
    return torch.cat(parts)


def reader(
    model: PoetryVAE, corpus: EncodedCorpus, form: Form, judges: Path, n: int
) -> Callable[[Tensor], str]:
    """R of the poems that codes make, with full trust in them, against unseen poems."""
    train, validation, test = (
        corpus.tokenizer.decode_rows(corpus.parts[part]) for part in ("train", "validation", "test")
    )
    judge = Judges(train, validation, form, seed=0, folder=judges).first
    sampler = Sampler(model, SamplingSettings.of(model, trust=1.0))

    def r_of(codes: Tensor) -> str:
        parts = []
        for number, some in enumerate(torch.split(codes, _BATCH)):
            draws = torch.Generator().manual_seed(derived_seed(0, "poems", number))
            parts.append(sampler.write_from(some, generator=draws))
        texts = corpus.tokenizer.decode_rows(torch.cat(parts).numpy())
        found = judge.two_sample(test[-n:], texts, 0)
        return f"{found.r:.1f} ± {found.error:.1f}"

    return r_of


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("--model", required=True)
    options.add_argument("--form", type=Form.parse, required=True)
    options.add_argument("--r", type=Path, metavar="JUDGES", help="also R; where judges are kept")
    options.add_argument("-n", type=int, default=1250, help="poems a side for R (1,250)")
    options.add_argument("--threads", type=int)
    given = options.parse_args()
    use_threads(given.threads)
    print(machine_line(), end="\n\n", flush=True)
    corpus = EncodedCorpus.load(given.corpus, given.form)
    model = PoetryVAE.from_pretrained(given.model).writing(given.form)
    ids = {
        part: torch.from_numpy(corpus.parts[part][:_CODES].astype("int64"))
        for part in ("train", "validation", "test")
    }
    if corpus.tokenizer.to_json() != model.tokenizer.to_json():
        raise SystemExit("the corpus was not encoded for this model")
    codes = {part: codes_of(model, some, i) for i, (part, some) in enumerate(ids.items())}
    flow = fit(codes["train"], codes["validation"], 0)
    gaussian = Flow(codes["train"], 0)
    unseen, drawn = codes["test"], torch.Generator().manual_seed(1)
    noise = torch.randn(given.n, model.code_size, generator=drawn)
    priors: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
        "the model's prior": (lambda z: z, lambda x: x),
        "a Gaussian with correlations": (lambda z: gaussian(z)[0], gaussian.back),
        "a flow": (lambda z: flow(z)[0], flow.back),
    }
    write = reader(model, corpus, given.form, given.r, given.n) if given.r else None
    rows = []
    for name, (towards_noise, back) in priors.items():
        with torch.no_grad():
            there, codes_drawn = towards_noise(unseen), back(noise)
        auc = hole(there, generator=torch.Generator().manual_seed(0))
        r = [write(codes_drawn)] if write else []
        rows.append([name, f"{auc.mean:.3f} ± {auc.error:.3f}", *r])
        tell(" | ".join(rows[-1]))
    if write:
        rows.append(["codes of unseen poems", "", write(unseen[: given.n])])
    print(table(["codes from", "hole, AUC", *(["R at trust 1"] if given.r else [])], rows))
    write_json(given.json, {"rows": rows})


if __name__ == "__main__":
    main()
