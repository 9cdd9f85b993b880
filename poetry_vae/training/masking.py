"""The posterior of a partly known poem: the encoder learns to read with characters hidden.

q(z|x_o), where only the characters o of x are seen and the others are ``<mask>``, is what proposes
latents for an acrostic, and what scores a character without having seen it. It is trained after
Ivanov et al. 2019, "Variational Autoencoder with Arbitrary Conditioning": equation 7's term
KL(q(z|x) ‖ q(z|x_o)), whose minimum covers all that the full posterior of any completion covers.
Only the second argument learns from it, so that the model of whole poems is trained by its own
objective alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import Record
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer


def with_masks(ids: Tensor, *, generator: torch.Generator | None) -> Tensor:
    """Poems ids [B, T] with some characters hidden; every number of them is equally likely."""
    B, T = ids.shape
    share = torch.rand((B, 1), generator=generator, device=ids.device)
    lot = torch.rand((B, T), generator=generator, device=ids.device)
    return ids.masked_fill(lot < share, CharTokenizer.MASK)


def masked_divergence(
    model: PoetryVAE, ids: Tensor, record: Record, *, generator: torch.Generator | None
) -> Tensor:
    """KL(q(z|x) ‖ q(z|x_o)) of poems ids [B', T] in nats, [B'].

    Args:
        record: the forward pass of these poems, or of a batch that they are the first B' of.
    """
    full = record.levels[0].posterior
    n = len(ids)
    target = DiagonalGaussian(full.mean[:n].detach(), full.log_variance[:n].detach())
    return target.kl(model.encode(with_masks(ids, generator=generator))).sum(-1)
