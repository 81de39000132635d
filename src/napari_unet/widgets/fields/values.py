"""The plain values that the leaf widgets edit and show; no Qt, no napari, no torch."""

from dataclasses import dataclass

from napari_unet.model.spec import ClassSpec

UM = "um"
PIXEL = "pixel"


@dataclass(frozen=True)
class LayerFacts:
    """What can be said of an image layer without reading a pixel; `spacing` has one number per axis
    but colours.
    """

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
    """Which layers are segmented and what their axes mean: `axes` is that of a layer, colours
    included as "c".

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
    """What can be said of a labels layer without reading a voxel.

    `source` is what it was segmented from and `weights_sha256` by what, where that is known;
    `classes` are the names and colours that it brings, 0 first.
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
class Outlook:
    """Whether a run is possible, and what is to be said before it."""

    ready: bool
    text: str = ""

    @property
    def shown(self) -> bool:
        """Whether there is something to say."""
        return bool(self.text)


@dataclass(frozen=True)
class Colours:
    """What the window looks like, as #rrggbb."""

    background: str = "#262930"
    text: str = "#f0f1f2"
