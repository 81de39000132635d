from napari_unet.learn.settings import TrainSettings


def test_a_name_of_before_is_still_read() -> None:
    """Model files keep the settings of their training, by the names of that time."""
    settings = TrainSettings.model_validate({"guard_pictures": 3, "batch": 2})
    assert settings == TrainSettings(guard_drawn_images=3, batch=2)
    assert "guard_pictures" not in settings.model_dump()
