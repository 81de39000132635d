import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.errors import MOST_CHARACTERS, ModelFileError, shortened
from napari_unet.words import (
    by_axis,
    data_size,
    duration,
    hex_colour,
    never_html,
    pixel_size,
    plain,
    plain_lines,
    plural,
    short_count,
    unit_name,
    without_guard,
)

GB = 2**30


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1 s"),
        (17.4, "17 s"),
        (41.0, "40 s"),
        (89.0, "90 s"),
        (90.0, "2 min"),
        (5399.0, "90 min"),
        (9000.0, "2.5 h"),
    ],
)
def test_a_guessed_time_is_no_finer_than_a_guess(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (41.26, "41.3 s"), (200.0, "3 min"), (9000.0, "2.5 h")]
)
def test_a_measured_time_has_tenths_of_a_second(seconds, text):
    assert duration(seconds, exact=True) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "1 MB"), (3e5, "1 MB"), (60e6, "57 MB"), (0.1 * GB, "0.1 GB"), (15.62 * GB, "15.6 GB")],
)
def test_bytes(count, text):
    assert data_size(count) == text


@pytest.mark.parametrize(
    ("lengths", "unit", "text"),
    [
        ((0.5, 0.5), "um", "0.5 µm"),
        ((2.0, 0.5, 0.5), "um", "2 × 0.5 × 0.5 µm"),
        ((0.32499998, 0.2125), "um", "0.325 × 0.2125 µm"),
        ((25_000.0, 1250.4), "um", "25000 × 1250 µm"),
        ((1.0, 2.0), "pixel", "1 × 2 px"),
        ((1.0, 2.0), "", "1 × 2"),
    ],
)
def test_pixel_sizes_name_equal_lengths_once(lengths, unit, text):
    assert pixel_size(lengths, unit) == text


def test_lengths_of_all_axes():
    assert by_axis((1.0, 0.5, 0.5)) == "1 × 0.5 × 0.5"
    assert by_axis((1, 1)) == "1 × 1"


def test_a_unit_that_is_not_known_stays_as_it_is():
    assert [unit_name(unit) for unit in ("um", "pixel", "s")] == ["µm", "px", "s"]


@pytest.mark.parametrize(
    ("parts", "text"),
    [((0, 0.5, 1), "#0080ff"), ((1.0, 0.0, 0.2, 0.5), "#ff0033"), ((18 / 255,) * 3, "#121212")],
)
def test_colours(parts, text):
    assert hex_colour(parts) == text


@pytest.mark.parametrize(
    ("number", "text"), [(999, "999"), (30_123, "30 k"), (100_000, "0.1 M"), (1_940_000, "1.9 M")]
)
def test_large_numbers_take_few_characters(number, text):
    assert short_count(number) == text


@pytest.mark.parametrize(
    ("number", "noun", "many", "text"),
    [
        (1, "slice", "", "1 slice"),
        (0, "slice", "", "0 slices"),
        (41_200, "voxel", "", "41,200 voxels"),
        (2, "class", "classes", "2 classes"),
    ],
)
def test_nouns_follow_their_number(number, noun, many, text):
    assert plural(number, noun, many) == text


@given(st.text(max_size=900), st.integers(40, 400))
def test_a_text_is_never_longer_than_that_and_keeps_both_ends(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) <= most
    if len(text) <= most:
        assert short == text
    else:
        first, last = short.split(" … ", 1) if text.count(" … ") == 0 else ("", "")
        assert text.startswith(first)
        assert text.endswith(last)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("one\r\ntwo", "one\\r\\ntwo"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.tif", "\\u202egnp.tif"),
        ("\udcff.tif", "\\udcff.tif"),
        ("a\u2028b", "a\\u2028b"),
        ("画像 é µm \u200d", "画像 é µm \u200d"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_lines_of_a_text_stay_lines() -> None:
    assert plain_lines("a\x07\nb") == "a\\x07\nb"


@given(st.text(st.sampled_from("<>&;/ab!\u2060 lt"), max_size=20))
def test_the_guard_against_html_is_taken_away_again(text: str) -> None:
    assert without_guard(never_html(text)) == without_guard(text)
    assert never_html(never_html(text)) == never_html(text)


def test_an_error_has_a_bounded_text_and_holds_all_of_it() -> None:
    whole = "model.safetensors says " + "9, " * 100_000 + "choose another."
    error = ModelFileError(whole)
    assert len(str(error)) <= MOST_CHARACTERS
    assert str(error).startswith("model.safetensors says")
    assert str(error).endswith("choose another.")
    assert error.args == (whole,)
