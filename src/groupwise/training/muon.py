"""Muon: convolutions along their orthogonalised momentum, one matrix a group, and all else as AdamW."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

# Of the quintic a x + b x^3 + c x^5, which brings singular values near 1 within five steps (Jordan 2024)
QUINTIC = (3.4445, -4.7750, 2.0315)
STEPS = 5
ADAMW_RMS = 0.2  # the usual size of an AdamW step in units of its rate (Liu et al. 2025, arXiv 2502.16982)


class Muon(torch.optim.AdamW):
    """Muon (Jordan 2024, kellerjordan.github.io/posts/muon) beside AdamW.

    A convolution with g groups is g maps that know nothing of one another, so each is a matrix of its own,
    (C_out / g, C_in / g * k * k). Steps are scaled to the size of AdamW's, whose rate and decay they share.

    Args:
        parameters: Parameter groups; `matrices` is the number of matrices in each of its weights, and 0 where
            AdamW is to move them.
        lr, betas, fused: Those of AdamW; the momentum is the first beta, after Nesterov.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Follow the gradients; those of the matrices are used up, so that AdamW leaves them alone."""
        assert closure is None
        for group in self.param_groups:
            for weight in group["params"] if group["matrices"] else ():
                if weight.grad is not None:
                    self._follow(weight, weight.grad, group)
                    weight.grad = None
        super().step()

    def _follow(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        known = self.state[weight]
        if not known:  # in the words of Adam, whose loading asks for them
            known |= {"step": torch.zeros(()), "exp_avg": torch.zeros_like(weight)}
        known["step"] += 1
        newest = 1 - group["betas"][0]
        momentum = known["exp_avg"].lerp_(gradient, newest)
        ahead = torch.lerp(gradient, momentum, 1 - newest)  # Nesterov
        matrices = ahead.reshape(group["matrices"], len(weight) // group["matrices"], -1)
        rate = group["lr"] * ADAMW_RMS * math.sqrt(max(matrices.shape[1:]))
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.sub_(orthogonalise(matrices).reshape(weight.shape), alpha=rate)


def orthogonalise(matrices: Tensor) -> Tensor:
    """Matrices (g, m, n) with their singular vectors kept and their singular values brought near 1.

    Newton-Schulz, without a decomposition; values end between 0.7 and 1.2 unless they were near 0.
    """
    a, b, c = QUINTIC
    wide = matrices.mT if matrices.shape[1] > matrices.shape[2] else matrices
    x = wide / wide.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.mT if wide is not matrices else x
    return result
