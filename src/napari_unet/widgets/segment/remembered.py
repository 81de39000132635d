"""Between the form and what is remembered: shows the last choices, and gives what they are now."""

from pathlib import Path

from napari_unet.model.formats.registry import is_model_name
from napari_unet.model.library import list_models, model_entry
from napari_unet.widgets.fields.model_picker import ModelPicker
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.form import SegmentForm

DEFAULT = SegmentChoices().model


def choices_of(form: SegmentForm) -> SegmentChoices:
    """What is to be remembered: also what is not offered for the model at hand; a built-in model by
    its name, any other by its path.
    """
    entry = form.model.value()
    name = "" if entry is None else entry.name if entry.builtin else str(entry.path)
    own = {
        "model": name,
        "device": form.device.wanted(),
        "resample": form.image.value().resample,
    }
    return form.options.chosen().model_copy(update=own)


def show_choices(form: SegmentForm, choices: SegmentChoices) -> str:
    """Show what is remembered; returns a sentence where the last model is gone, else nothing."""
    lost = _show_model(form.model, choices.model)
    form.device.set_value(choices.device)
    form.image.set_resample(choices.resample)
    form.options.set_value(choices)
    return lost


def _show_model(picker: ModelPicker, wanted: str) -> str:
    entries = list_models()
    is_file = is_model_name(wanted)
    if is_file and Path(wanted).is_file() and Path(wanted) not in {entry.path for entry in entries}:
        entries.append(model_entry(Path(wanted)))
    picker.set_entries(entries)
    for name in (DEFAULT, wanted):
        picker.set_value(name)
    chosen = picker.value()
    if wanted in ("", DEFAULT) or (
        chosen is not None and wanted in (chosen.name, str(chosen.path))
    ):
        return ""
    instead = f"{chosen.name} is chosen" if chosen is not None else "choose another model"
    return f"The model {Path(wanted).stem if is_file else wanted} is gone; {instead}."
