"""The plain values that the leaf widgets edit and show; no Qt, no napari, no torch."""

from dataclasses import dataclass

from napari_unet.model.spec import ClassSpec

UM = "um"
PIXEL = "pixel"


@dataclass(frozen=True)
class LayerFacts:
    """Facts of an image layer that need no pixel; `spacing` has a number per axis but colours."""

    key: int
    name: str
    shape: tuple[int, ...]
    rgb: bool = False
    spacing: tuple[float, ...] = ()
    unit: str = PIXEL
    axis_labels: tuple[str, ...] = ()

    @property
    def ndim(self) -> int:
        """How many axes the layer has, colours not counted."""
        return len(self.shape) - self.rgb


@dataclass(frozen=True)
class InputChoice:
    """Which layers are segmented and what their axes mean; `axes` are the letters of one layer,
    with "c" for its colours.

    Of a colour layer either the luminance is taken (`rgb`), or its first `colours` are channels.
    `problem` says why the chosen layers can not be segmented.
    """

    layers: tuple[int, ...] = ()
    axes: str = ""
    spacing: tuple[float, ...] = ()
    unit: str = PIXEL
    rgb: bool = False
    resample: bool = True
    problem: str = ""
    colours: int = 0


@dataclass(frozen=True)
class LabelsFacts:
    """Facts of a labels layer that need no voxel.

    `source` is the image that it was segmented from and `weights_sha256` the model, where they are
    known; `classes` are the names and colours that the layer has, 0 first.
    """

    key: int
    name: str
    shape: tuple[int, ...]
    visible: bool = True
    source: InputChoice | None = None
    weights_sha256: str = ""
    classes: tuple[ClassSpec, ...] = ()


@dataclass(frozen=True)
class PairChoice:
    """One image with its labels: what a model learns from."""

    image: InputChoice
    labels: int | None = None


@dataclass(frozen=True)
class Readiness:
    """Whether a run is possible; `text` says why not, or what the user should know before it."""

    ready: bool
    text: str = ""

    @property
    def shown(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.text)


@dataclass(frozen=True)
class Colours:
    """The colours of the window's theme, as #rrggbb."""

    background: str = "#262930"
    text: str = "#f0f1f2"
