from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from bitrix.plan import Range, Stretch, split, subtract, take, work_items

ranges = st.tuples(st.integers(1, 500), st.integers(0, 200)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def ids(parts: list[Range]) -> list[int]:
    return [number for low, high in parts for number in range(low, high + 1)]


@given(ranges, st.lists(ranges, max_size=8))
def test_subtract_leaves_exactly_what_is_not_done(whole: Range, done: list[Range]) -> None:
    assert ids(subtract(whole, done)) == sorted(set(ids([whole])) - set(ids(done)))


@given(st.lists(ranges, max_size=3), st.integers(1, 60))
def test_split_loses_no_id(parts: list[Range], pieces: int) -> None:
    cut = split(parts, pieces)
    assert ids(cut) == ids(parts)
    assert len(cut) <= pieces + len(parts)


@given(st.lists(st.tuples(st.integers(1, 4000), st.integers(0, 4000), st.integers(0, 3)), max_size=30))
def test_work_covers_every_id_once_and_empty_stretches_too(spec: list[tuple[int, int, int]]) -> None:
    stretches, low = [], 1
    for width, rows, gap in spec:
        stretches.append(Stretch(low, low + width - 1, min(width, rows)))
        low += width + gap
    items = list(work_items(stretches))
    assert ids([(item.low, item.high) for item in items]) == ids([(item.low, item.high) for item in stretches])
    assert all(item.pages >= 1 for item in items)
    needed = sum(-(-item.expected // 50) for item in stretches)
    assert sum(item.pages for item in items) <= 1.1 * needed + 2 * len(stretches)


def test_dense_ids_are_ranges_of_50() -> None:
    items = list(work_items([Stretch(1, 10_000, 9_900)]))
    assert len(items) == 200
    assert items[0] == Stretch(1, 50, 50)


def test_sparse_neighbours_share_a_chain_of_one_batch() -> None:
    items = list(work_items([Stretch(1 + 600 * k, 600 + 600 * k, 200) for k in range(50)]))
    assert [item.pages for item in items] == [49, 49, 49, 49, 9]


def test_a_batch_is_filled_and_a_long_stretch_cut() -> None:
    queue = deque([Stretch(1, 50, 50), Stretch(51, 100_000, 5000), Stretch(100_001, 200_000, 10)])
    assert [pages for _, pages in take(queue, 50)] == [1, 49]
    assert [pages for _, pages in take(queue, 50)] == [1]
    assert not queue
