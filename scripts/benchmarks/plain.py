"""The model of preset ``shi`` written without regard to speed: the baseline for ours.

Library layers, all logits at once, float32, the library's loss, optimiser and loader as they come.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from poetry_vae.model.config import ModelConfig


class PlainVAE(nn.Module):
    """Ids [B, T] → (−log p(x|z), KL(q ‖ p)), batch means in nats a poem.

    Its parameters match ours one by one, and PyTorch initialises both on the same scale.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        V, H, D, T = config.vocabulary, config.hidden, config.latent, config.form.positions
        self.shape = (T, H)
        self.embedding = nn.Embedding(V, H)
        self.encoder = nn.ModuleList(_conv(config) for _ in range(config.encoder_layers))
        self.mean = nn.Linear(H, D)
        self.log_variance = nn.Linear(H, D)
        self.heads = nn.Linear(D, T * H)
        self.decoder = nn.ModuleList(_conv(config) for _ in range(config.decoder_layers))
        self.output = nn.Linear(H, V)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        h = self.embedding(ids).transpose(1, 2)  # [B, H, T]
        for conv in self.encoder:
            h = _gated(conv, h)
        features = h.mean(2)
        mean, log_variance = self.mean(features), self.log_variance(features)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        h = self.heads(z).unflatten(1, self.shape).transpose(1, 2)
        for conv in self.decoder:
            h = _gated(conv, h)
        logits = self.output(h.transpose(1, 2))  # [B, T, V]
        distortion = F.cross_entropy(logits.flatten(0, 1), ids.flatten(), reduction="sum")
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
        return distortion / len(ids), kl / len(ids)


def _conv(config: ModelConfig) -> nn.Conv1d:
    H, k = config.hidden, config.kernel
    return nn.Conv1d(H, 2 * H, k, padding=k // 2, bias=False)


def _gated(conv: nn.Module, h: Tensor) -> Tensor:
    values, gates = conv(h).chunk(2, dim=1)
    out: Tensor = h + values * torch.sigmoid(gates)
    return out


class PlainTraining:
    """The plain model with the library's optimiser and loader as they come."""

    def __init__(self, config: ModelConfig, ids: Tensor, batch_size: int, *, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.model = PlainVAE(config)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.loader = DataLoader(
            TensorDataset(ids), batch_size=batch_size, shuffle=True, drop_last=True
        )
        self.batches = self._endless()

    def _endless(self) -> Iterator[Tensor]:
        while True:
            for (batch,) in self.loader:
                yield batch

    def step(self, lr: float | None = None, clip: float | None = None) -> int:
        """One optimiser step; how many poems it took. Rate and clipping are for ``check_bound``."""
        if lr is not None:
            self.optimiser.param_groups[0]["lr"] = lr
        batch = next(self.batches)
        distortion, kl = self.model(batch)
        loss = distortion + kl
        self.optimiser.zero_grad()
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), clip)
        self.optimiser.step()
        return len(batch)

    @torch.no_grad()
    def bound(self, ids: Tensor) -> float:
        """−ELBO of poems in nats a character, one sample a poem."""
        torch.manual_seed(1)
        total = sum(float(sum(self.model(batch))) * len(batch) for batch in torch.split(ids, 512))
        return total / ids.numel()
