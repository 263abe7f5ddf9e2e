"""The network that learns, with its optimizer, loss, precision and moving average."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from groupwise.distributed.allocator import keep_freed_memory
from groupwise.distributed.batch_norm import share_batch_statistics
from groupwise.distributed.portable import OPTION, is_portable
from groupwise.distributed.world import World
from groupwise.errors import UsageError, first_line
from groupwise.loader.augment import cropped_side
from groupwise.training.config import FitConfig, FitData
from groupwise.training.loss import Loss, make_loss
from groupwise.training.optimizer import freeze, make_optimizer
from groupwise.training.side_by_side import SideBySide, side_by_side

Tensors = tuple[Tensor, ...] | list[Tensor]


@dataclass(frozen=True)
class Learner:
    """A network and what moves it.

    `model` has the weights; `network` is what training calls, the same model unless it is compiled or several
    processes share the work; `at_once` takes pieces of a batch on threads of their own. `average` is the
    moving average of weights and batch statistics, where the recipe asks for one. `statistics` can undo what
    a failed pass did to the model's; `frozen` are the modules that do not learn.
    """

    model: nn.Module
    network: nn.Module
    at_once: SideBySide | None
    optimizer: torch.optim.Optimizer
    loss: Loss
    average: AveragedModel | None
    clip_norm: float | None
    scaler: torch.amp.GradScaler
    precision: torch.dtype
    statistics: BatchStatistics
    frozen: tuple[nn.Module, ...]

    @classmethod
    def create(
        cls,
        model: nn.Module,
        data: FitData,
        config: FitConfig,
        world: World,
        *,
        note: Callable[[str], None] = lambda _: None,
    ) -> Learner:
        """Bring `model` to its device; `note` is told where it cannot be compiled.

        From here on the process keeps what it frees, for the next step.
        """
        keep_freed_memory()
        precision = choose_precision(config.training.precision, world.device)
        learnt = torch.from_numpy(data.labels[data.train]).to(world.device)
        model = share_batch_statistics(model.to(world.device), world)
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        frozen = freeze(model, config.optim.frozen)
        network, at_once = model, None
        refuse_unportable(config)
        if config.training.compile:
            network = Compiled(model, _whole_batch(config, world), note)
        elif world.size == 1 and world.device.type == "cpu":
            at_once = side_by_side(model, config.training.batch_size, config.training.threads)
        return cls(
            model=model,
            network=DistributedDataParallel(network) if world.size > 1 else network,
            at_once=at_once,
            optimizer=make_optimizer(model, config.optim, fused=precision is not torch.float16),
            loss=make_loss(config.loss, learnt, data.num_classes),
            average=moving_average(model, config.training.ema_decay) if config.training.ema_decay else None,
            clip_norm=config.optim.clip_norm,
            scaler=torch.amp.GradScaler(world.device.type, enabled=precision is torch.float16),
            precision=precision,
            statistics=BatchStatistics(model),
            frozen=frozen,
        )

    @property
    def eval_model(self) -> nn.Module:
        """The model that is scored and kept."""
        return self.model if self.average is None else self.average.module

    def half_precision(self) -> torch.autocast:
        """Let the network compute in the precision that the recipe asks for; its weights stay in float32."""
        enabled = self.precision is not torch.float32
        device = next(self.model.parameters()).device
        return torch.autocast(device.type, self.precision if enabled else None, enabled=enabled)

    def begin(self) -> None:
        """Put the network into training mode; what is frozen keeps its batch statistics as well."""
        self.network.train()
        for module in self.frozen:
            module.eval()
        if self.at_once is not None:
            self.at_once.begin()

    def step(self) -> None:
        """Follow the gradients that are there."""
        if self.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update_parameters(self.model)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        average = {} if self.average is None else self.average.state_dict()
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": average,
            "scaler": self.scaler.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        # Fused kernels walk through memory, and take it for granted that all they read is laid out alike
        for parameter, known in self.optimizer.state.items():
            for name, value in known.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    known[name] = torch.empty_like(parameter).copy_(value)
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])


def _whole_batch(config: FitConfig, world: World) -> tuple[int, ...]:
    """The shape of what the network is given in most steps."""
    n = config.training.batch_size // world.size // config.training.accumulate
    size = cropped_side(config.preprocessing.image_size_px, config.augment.crop)
    return (n, config.preprocessing.input_channels, size, size)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The type that convolutions compute in; weights and batch statistics stay float32.

    `auto` is half precision where the device computes in it: a GPU in bfloat16, before Ampere in float16, and
    a processor with bfloat16 instructions of its own (a step takes 0.5 to 0.6 of the time there; without
    them, twice the time: docs/log.md).
    """
    if name == "auto" and device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    if name == "auto" and device.type == "cpu" and processor_has_bf16():
        return torch.bfloat16
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(name, torch.float32)


def refuse_unportable(config: FitConfig) -> None:
    """Raise `UsageError` for what ends with other bits elsewhere, where the same ones were asked for."""
    for name, off, what in (("compile", "false", "processor"), ("budget_minutes", "null", "clock")):
        if getattr(config.training, name) and is_portable():
            raise UsageError(
                f"follows the {what} of this machine, so that another ends with other bits",
                place=f"training.{name}",
                remedy=f"Give --training.{name} {off}, or leave out {OPTION}.",
            )


def processor_has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 by instructions of its own (AVX512_BF16, AMX)."""
    if is_portable():  # oneDNN is held to fewer instructions than the processor has
        return False
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def moving_average(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of weights and batch statistics, in the weights' own precision.

    The decay of update t is at most (1 + t) / (10 + t), so that the random first weights are soon forgotten.
    """

    @torch.no_grad()
    def move(averaged: Tensors, current: Tensors, updates: Tensor | int) -> None:
        t = float(updates)
        weight = 1 - min(decay, (1 + t) / (10 + t))
        for mean, new in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(new, weight)
            else:  # the number of batches that a normalisation has seen
                mean.copy_(new)

    return AveragedModel(model, multi_avg_fn=move, use_buffers=True)


class BatchStatistics:
    """The buffers of `model`, and memory of the same size to keep them in."""

    def __init__(self, model: nn.Module) -> None:
        buffers = list(model.buffers())
        # By kind, because one pass over many tensors needs them all of one type
        kinds = [[b for b in buffers if b.dtype is dtype] for dtype in {b.dtype for b in buffers}]
        self._pairs = [(kind, [torch.empty_like(buffer) for buffer in kind]) for kind in kinds]

    @torch.no_grad()
    def keep(self) -> None:
        """Copy them, before a pass, since one that fails has overwritten them."""
        for live, kept in self._pairs:
            torch._foreach_copy_(kept, live)

    @torch.no_grad()
    def restore(self) -> None:
        """Put them back to what they were."""
        for live, kept in self._pairs:
            torch._foreach_copy_(live, kept)


class Compiled(nn.Module):
    """`model`, of whose forward and backward pass `torch.compile` makes fewer passes over memory.

    Inputs of one shape alone are compiled. Growing images and the last, smaller batch of an epoch go through
    the model as it is: each would cost a compilation of its own, and which of them had been compiled as what
    would depend on where a run was resumed, and with it the last bits of the result.

    Args:
        model: What is called. Its parameters stay its own, and a checkpoint knows nothing of this module.
        shape: Of the inputs that are compiled, (n, C, S, S).
        note: Told once where compiling fails, for want of a C++ compiler for example.
    """

    def __init__(self, model: nn.Module, shape: tuple[int, ...], note: Callable[[str], None]) -> None:
        super().__init__()
        self.model, self._shape, self._remark = model, shape, note
        self._compiled: Callable[[Tensor], Tensor] | None = torch.compile(model.forward, dynamic=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, K) of images (n, C, S, S)."""
        if self._compiled is not None and images.shape == self._shape:
            try:
                return self._compiled(images)
            except (
                Exception
            ) as error:  # whatever a compiler may raise; what is not its fault comes again below
                self._compiled = None
                fact = first_line(getattr(error, "inner_exception", error))
                self._remark(f"torch.compile failed ({fact}): training goes on without it.")
        logits: Tensor = self.model(images)
        return logits
