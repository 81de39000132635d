from napari_unet.widgets.arrays.done_map import DoneMap


def region(*edges: tuple[int, int]) -> tuple[slice, ...]:
    return tuple(slice(*edge) for edge in edges)


def test_a_provisional_part_is_not_counted_twice_when_a_later_one_covers_it() -> None:
    done = DoneMap((2000, 2000), 2)
    done.mark(region((100, 300), (100, 300)), provisional=True)
    small = done.done.copy()
    assert small.any()
    done.mark(region((0, 301), (0, 301)))
    other = DoneMap((2000, 2000), 2)
    other.mark(region((0, 301), (0, 301)))
    assert (done.done == other.done).all()
    assert (done.hatching == other.hatching).all()


def test_a_provisional_part_alone_counts() -> None:
    done = DoneMap((40, 40), 2)
    done.mark(region((10, 20), (10, 20)), provisional=True)
    assert done.done.sum() == 100
    done.mark(region((0, 40), (0, 40)))
    assert done.complete
