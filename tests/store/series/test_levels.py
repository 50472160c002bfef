from __future__ import annotations

import numpy as np
import pytest

from runlore.errors import StorageFailed
from runlore.store.series import levels
from runlore.store.series.codec import unpack


def cells_of(values: list[float], width: int = 1) -> levels.Cells:
    index = np.arange(len(values)) // width
    starts = levels.starts_of(index)
    return levels.of_points(index[starts], np.array(values), np.arange(len(values)) * 10**7, starts)


def test_not_a_number_and_infinities_are_counted_apart() -> None:
    cells = cells_of([1.0, np.nan, np.inf, -2.0, -np.inf, np.nan], width=3)
    assert cells.low.tolist() == [1.0, -2.0]
    assert cells.high.tolist() == [1.0, -2.0]
    assert (cells.nan.tolist(), cells.pinf.tolist(), cells.ninf.tolist()) == ([1, 1], [1, 0], [0, 1])


def test_sums_add_from_left_to_right() -> None:
    values = [0.1] * 9 + [1e16, 1.0, -1e16]
    total = 0.0
    for value in values:
        total += value
    assert cells_of(values, width=12).total.tolist() == [total]


def test_the_least_of_zeros_is_zero() -> None:
    assert not np.signbit(cells_of([-0.0, 0.0, -0.0], width=3).low[0])
    assert not np.signbit(cells_of([-0.0], width=1).total[0])


def test_the_times_of_a_cell_are_widened_to_milliseconds() -> None:
    starts = np.array([0])
    cells = levels.of_points(starts, np.zeros(2), np.array([1_500_000, -1]), starts)
    assert (cells.time_low.tolist(), cells.time_high.tolist()) == ([-1_000_000], [2_000_000])


def test_climbing_goes_through_every_level() -> None:
    rng = np.random.default_rng(3)
    values = rng.standard_normal(40_000).tolist()
    fine = cells_of(values, width=64)
    owner, coarse = levels.climb(np.zeros(len(fine.cell), np.int64), fine, 6, 14)
    assert coarse.points.tolist() == [16_384, 16_384, 7232]
    assert owner.tolist() == [0, 0, 0]
    _, middle = levels.climb(np.zeros(len(fine.cell), np.int64), fine, 6, 12)
    again = levels.climb(np.zeros(len(middle.cell), np.int64), middle, 12, 14)[1]
    assert coarse.total.tobytes() == again.total.tobytes()


@pytest.mark.parametrize(
    ("spacing", "kept"), [(1, [6, 9, 12, 14]), (2, [6, 9, 12, 14]), (4, [9, 12, 14]), (20_000, [])]
)
def test_levels_are_kept_where_they_are_much_smaller(spacing: int, kept: list[int]) -> None:
    assert levels.kept_levels(np.arange(16_384) * spacing) == kept


def test_short_chunks_keep_no_level() -> None:
    assert levels.kept_levels(np.arange(1000)) == []


def test_the_best_level_is_the_highest_that_is_fine_enough() -> None:
    mask = levels.mask_of([6, 12])
    assert [levels.best_level(mask, wanted) for wanted in (5, 6, 11, 12, 60)] == [None, 6, 6, 12, 12]


def test_cells_come_back_from_records_and_blocks() -> None:
    many = [cells_of(np.random.default_rng(at).standard_normal(40 * (1 + at % 3)).tolist(), width=7) for at in range(7)]
    sizes, found = levels.from_records([levels.to_records(cells) for cells in many], "a test")
    assert sizes.tolist() == [len(cells.cell) for cells in many]
    for one, other in zip(found, levels.joined(many), strict=True):
        assert one.tobytes() == other.tobytes()
    for one, other in zip(levels.from_block(unpack(levels.to_block(many[2]), "a test")), many[2], strict=True):
        assert one.tobytes() == other.tobytes()


def test_damaged_records_are_told() -> None:
    row = bytearray(levels.to_records(cells_of([1.0, 2.0])))
    row[-1] ^= 1
    with pytest.raises(StorageFailed, match="a test"):
        levels.from_records([bytes(row)], "a test")
