import pytest
from pydantic import ValidationError

from napari_unet.segment.settings import SegmentSettings


def test_a_former_name_is_still_read() -> None:
    assert not SegmentSettings.model_validate({"match_pixel_size": False}).resample
    with pytest.raises(ValidationError, match="smoothness"):
        SegmentSettings.model_validate({"smoothness": False})
