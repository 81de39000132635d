"""What the output channels of a network mean. Every other module asks here.

A network gives scores, one for each output channel and voxel. How many channels there are, and how
scores become probabilities, depends on what the network distinguishes:

- `sigmoid`: two classes need one channel, the score of the foreground.
- `softmax`: three or more classes have a channel each, the background's first, and each voxel has
  exactly one of them.
- `independent`: each channel is a question of its own, answered yes or no beside the others, such
  as "is this voxel in an object?" and "is it in the middle of one?".

Read without torch: scores bring the methods that are needed here.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from napari_unet.model.config import UNetConfig
    from napari_unet.model.torch_import import torch

HeadKind = Literal["sigmoid", "softmax", "independent"]
# of the numbers of classes: there are at most `config.MAX_CLASSES`, and the highest is none
CLASS_DTYPE = "uint8"
CLASS_NUMBERS = 256  # that this format can write


@dataclass(frozen=True)
class Head:
    """The kind of scores that a network's output channels hold, and how many channels there are."""

    kind: HeadKind
    channels: int

    @property
    def exclusive(self) -> bool:
        """Whether each voxel belongs to exactly one channel, so that probabilities sum to one.

        Such scores are trained with the cross-entropy over channels, others with the binary one of
        each channel.
        """
        return self.kind == "softmax"

    @property
    def activation(self) -> Literal["sigmoid", "softmax"]:
        """The function that makes probabilities of scores."""
        return "softmax" if self.exclusive else "sigmoid"

    @property
    def first_label(self) -> int:
        """The label of the first channel: 0 if the background has a channel, else 1."""
        return 0 if self.exclusive else 1

    @property
    def foreground_labels(self) -> range:
        """The labels that have a channel of their own, without the background, in their order."""
        return range(1, self.first_label + self.channels)

    @property
    def config_fields(self) -> dict[str, Any]:
        """What a `UNetConfig` says of a network with this head."""
        independent = self.kind == "independent"
        return {
            "out_channels": self.channels,
            "head": "independent" if independent else "classes",
        }

    def probabilities(self, scores: "torch.Tensor", axis: int) -> "torch.Tensor":
        """Probabilities of scores, whose channels lie along `axis`."""
        return scores.softmax(dim=axis) if self.exclusive else scores.sigmoid()

    def log_probabilities(self, scores: "torch.Tensor", axis: int) -> "torch.Tensor":
        """The logarithm of the probabilities, exact even where these round to 0."""
        if self.exclusive:
            return scores.log_softmax(dim=axis)
        return -(-scores).logaddexp(scores.new_zeros(()))  # log(1 / (1 + exp(-score)))

    def foreground(self, values: "torch.Tensor", axis: int) -> "torch.Tensor":
        """Scores or probabilities without the channel of the background, if there is one."""
        hidden = 1 - self.first_label
        return values.narrow(axis, hidden, self.channels - hidden)


def head_for_classes(classes: int) -> Head:
    """The head that tells so many classes apart, the background among them."""
    if classes < 2:
        raise ValueError(f"a background and at least one class are needed, not {classes} classes")
    return Head("sigmoid", 1) if classes == 2 else Head("softmax", classes)


def head_of(config: "UNetConfig") -> Head:
    """The head of a network of that shape."""
    if config.head == "independent":
        return Head("independent", config.out_channels)
    return Head("sigmoid" if config.out_channels == 1 else "softmax", config.out_channels)
