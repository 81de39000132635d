"""One step of a training, and all that it changes: the weights, the moments of AdamW, and a running
mean of the weights.
"""

import copy
import math
from collections.abc import Sequence

from napari_unet.devices import choose
from napari_unet.learn.data.border_weights import with_border_weights
from napari_unet.learn.data.class_weights import class_weights, voxel_weights
from napari_unet.learn.data.example import Example
from napari_unet.learn.data.patches import PatchBatch, PatchSampler
from napari_unet.learn.forgetting.guard import WeightGuard, disagreement
from napari_unet.learn.optimise.adamw import AdamW
from napari_unet.learn.optimise.losses import teaching_loss
from napari_unet.learn.optimise.threads import Threads
from napari_unet.learn.settings import BATCH, TrainSettings
from napari_unet.model.head import head_of
from napari_unet.model.spec import ModelSpec
from napari_unet.model.torch_import import computes_bfloat16, find_devices, torch
from napari_unet.model.unet import ConvNorm, UNet
from napari_unet.progress import GetControl, heed
from napari_unet.segment.engine.out_of_memory import memory_errors_explained

Tensor = torch.Tensor
LARGEST_GRADIENT = 5.0
MEMORY_ADVICE = "Choose the processor, smaller patches, or fewer patches a step."
BATCH_NORMS = (torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)


class NotFinite(Exception):  # noqa: N818 reported as how a training ended
    """The loss or its gradient is NaN or infinite; the averaged weights are those before."""


class Trainer:
    """A network in training: `step` changes the weights, `averaged` is their running mean and the
    one to use.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        spec: ModelSpec,
        settings: TrainSettings,
        start: UNet | None,
        control: GetControl,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.device = choose(settings.device, find_devices()).name
        self.precision = _precision(settings, self.device)
        self.threads = Threads(settings, self.device)
        self._head = head_of(spec.architecture)
        network = UNet(spec.architecture) if start is None else copy.deepcopy(start)
        layout = (
            torch.channels_last if spec.architecture.dimensions == 2 else torch.channels_last_3d
        )
        # channels last: the layout in which convolutions are fastest
        network = network.to(self.device).to(memory_format=layout)  # type: ignore[call-overload]
        self.network = network.requires_grad_(True)
        self.averaged = copy.deepcopy(self.network).eval()
        _freeze(self.network.train(), settings)
        self.weights = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = AdamW(self.weights, settings.weight_decay or 0.0)
        self.guard = WeightGuard(self.weights, settings.guard_weights or 0.0)
        self._of_class = class_weights(examples, settings.class_balance or 0.0)
        self.sampler = PatchSampler(
            with_border_weights(examples, settings), settings, self.device, network.strides
        )
        self._means = floats_of(self.averaged)
        self._values = floats_of(self.network)
        self._statistics = [
            b
            for b in self.network.buffers()
            if b.is_floating_point() and settings.norm_statistics == "learnt"
        ]
        _heed_inside(self.network, control)

    def begin_with(self, network: UNet) -> None:
        """Take the weights of another network of the same shape, before the first step."""
        for own in (self.network, self.averaged):
            own.load_state_dict(network.state_dict())

    def step(self, share: float, done: int) -> float:
        """Take one step at a share of the learning rate; returns its loss, raises `NotFinite` or
        `NotEnoughMemoryError`.
        """
        with memory_errors_explained(self.device, MEMORY_ADVICE):
            return self._step(share, done)

    def _step(self, share: float, done: int) -> float:
        rate = share * (self.settings.learning_rate or 0.0)
        loss = self._loss(self.sampler.batch(self.settings.batch or BATCH))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        size = torch.nn.utils.clip_grad_norm_(self.weights, LARGEST_GRADIENT)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(size)) and self._finite_statistics()):
            raise NotFinite
        self.optimizer.step(rate)
        self.guard.pull(rate)
        self._average(done)
        return value

    def _loss(self, batch: PatchBatch) -> Tensor:
        with torch.autocast(
            self.device.partition(":")[0], torch.bfloat16, enabled=self.precision == "bfloat16"
        ):
            scores = self.network(batch.images)
        scores = scores.float()
        weight = voxel_weights(batch.labels, batch.weight, self._of_class)
        loss = teaching_loss(scores, batch.labels, weight, self.settings, self._head)
        if batch.parent_targets is not None and self.settings.guard_outputs:
            loss = loss + self.settings.guard_outputs * disagreement(
                scores, batch.labels, batch.parent_targets, self._head, batch.target_weight
            )
        return loss

    def _finite_statistics(self) -> bool:
        """Whether the running statistics are finite: a huge intensity spoils them without a trace
        in the loss.
        """
        return not self._statistics or bool(
            torch.stack(torch._foreach_norm(self._statistics, math.inf)).isfinite().all()
        )

    def _average(self, done: int) -> None:
        """Move the running mean towards the network; early steps count less and are forgotten
        sooner.
        """
        decay = min(self.settings.average, (2 + done) / (11 + done))
        with torch.no_grad():
            torch._foreach_lerp_(self._means, self._values, 1 - decay)


def floats_of(network: UNet) -> list[Tensor]:
    """Weights and statistics, without the counters."""
    return [value for value in network.state_dict().values() if value.is_floating_point()]


def _precision(settings: TrainSettings, device: str) -> str:
    if settings.precision != "auto":
        return settings.precision
    return "bfloat16" if computes_bfloat16(device) else "float32"


def _freeze(network: UNet, settings: TrainSettings) -> None:
    """Put what does not learn into evaluation mode: statistics that are kept, and frozen levels of
    the encoder.
    """
    if settings.norm_statistics == "kept":
        for part in network.modules():
            if isinstance(part, BATCH_NORMS):
                part.eval()
    for level in network.encoder[: settings.frozen_levels]:
        level.eval().requires_grad_(False)


def _heed_inside(network: UNet, control: GetControl) -> None:
    """Heed what the user wants at every convolution, on the way forward and on the way back: a step
    may take many seconds.
    """

    def on_the_way_back(gradient: Tensor) -> None:
        heed(control)

    def on_the_way(part: torch.nn.Module, inputs: object, output: Tensor) -> None:
        heed(control)
        if output.requires_grad:
            output.register_hook(on_the_way_back)  # type: ignore[no-untyped-call]

    for part in network.modules():
        if isinstance(part, ConvNorm):
            part.register_forward_hook(on_the_way)
