"""What the choices of the Fine-tune dock mean for the training."""

import pytest

from napari_unet.learn.settings import TrainSettings
from napari_unet.widgets.finetune.order import BORDER_WEIGHT, TrainChoices, settings_for


@pytest.mark.parametrize(
    ("choices", "settings"),
    [
        ({}, {}),
        ({"device": "cpu", "seed": 5}, {"device": "cpu", "seed": 5}),
        ({"keep_what_it_knew": True}, {"keep_what_it_knew": True}),
        ({"separate": True}, {"border_weight": BORDER_WEIGHT}),
        ({"learning_rate": 0.01}, {"learning_rate": 0.01}),
    ],
)
def test_choices_become_settings(choices, settings):
    found = settings_for(TrainChoices(train_for=3.0, **choices))
    assert found == TrainSettings(minutes=3.0, **settings)
    assert type(found) is TrainSettings


def test_no_minutes_are_until_it_stops_improving():
    assert settings_for(TrainChoices(train_for=0)).minutes is None
