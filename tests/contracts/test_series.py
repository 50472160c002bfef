"""What every SeriesStore promises, asked of the SQL backend and of the reference."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from runlore.errors import UsageError
from runlore.store.base import Block, Buckets, Cut, MetricStat, ObjectPoint, Points
from runlore.store.database import SqlDatabase
from runlore.store.memory import MemoryDatabase, MemorySeriesStore
from runlore.store.series import schema
from runlore.store.series.store import SqlSeriesStore
from runlore.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runlore.store.base import Database, SeriesStore, Stream

SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 0.1, 1e-5]


class Backend(NamedTuple):
    database: Database
    store: SeriesStore

    def append(self, *blocks: Block, objects: Sequence[ObjectPoint] = ()) -> None:
        with self.database.write() as tx:
            self.store.append(tx, list(blocks), list(objects))


def sql_backend(folder: Path) -> Backend:
    database = SqlDatabase(f"sqlite:///{folder / 'runlore.db'}")
    with database.write() as tx:
        metadata.create_all(tx.connection, tables=SERIES_TABLES)
    return Backend(database, SqlSeriesStore(database))


SERIES_TABLES = [
    schema.metric_key,
    schema.segment_tail,
    schema.metric_tail,
    schema.metric_block,
    schema.block_counter,
    schema.metric_chunk,
    schema.metric_level,
    schema.metric_superseded,
    schema.history_object,
]


@pytest.fixture(params=["sql", "memory"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    made = sql_backend(tmp_path) if request.param == "sql" else Backend(MemoryDatabase(), MemorySeriesStore())
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def shared_sql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """One database for all examples of a property, each with segments of its own."""
    made = sql_backend(tmp_path_factory.mktemp("series"))
    yield made
    made.database.close()


def block(
    steps: Sequence[int], columns: dict[str, Any], *, segment: int = 1, stream: Stream = "history", at_ns: int = 0
) -> Block:
    arrays = {name: values if isinstance(values, np.ndarray) else np.array(values) for name, values in columns.items()}
    return Block(segment, stream, np.array(steps, np.int64), np.arange(at_ns, at_ns + len(steps)), arrays)


def assert_same_points(found: Points, expected: Points) -> None:
    for name in Points._fields:
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype, name
        assert one.tobytes() == other.tobytes(), name


def assert_same_buckets(found: Buckets, expected: Buckets) -> None:
    for name in Buckets._fields:
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype, name
        if name in {"low", "high", "total"}:
            np.testing.assert_array_equal(one, other, err_msg=name)
        else:
            assert one.tobytes() == other.tobytes(), name


class TestSeries:
    def test_points_come_back_as_logged(self, backend: Backend) -> None:
        backend.append(block([0, 1, 5], {"loss": [1.5, np.nan, -np.inf]}, at_ns=7))
        found = backend.store.points([Cut(1)], "loss")
        assert found.steps.tolist() == [0, 1, 5]
        assert found.times_ns.tolist() == [7, 8, 9]
        np.testing.assert_array_equal(found.values, [1.5, np.nan, -np.inf])
        assert bytes(found.kinds) == b"ddd"

    @pytest.mark.parametrize("folded", [False, True])
    def test_points_keep_the_dtype_of_each_value(self, backend: Backend, folded: bool) -> None:
        values = {
            "d": np.array([0.1, -0.0]),
            "f": np.array([0.1, np.nan], np.float32),
            "e": np.array([0.1, np.inf], np.float16),
            "q": np.array([2**53 + 1, -(2**63)], np.int64),
            "Q": np.array([2**64 - 1, 0], np.uint64),
            "?": np.array([True, False]),
        }
        backend.append(block([3, 4], values))
        if folded:
            backend.store.fold(force=True)
        for letter, logged in values.items():
            found = backend.store.points([Cut(1)], letter)
            assert bytes(found.kinds) == letter.encode() * 2
            np.testing.assert_array_equal(found.values, logged.astype(np.float64))
            bits = (
                logged.astype(np.uint64) if letter == "?" else logged.astype(np.float64) if letter in "fe" else logged
            )
            assert found.exact.tobytes() == bits.tobytes()

    def test_a_metric_may_change_its_dtype(self, backend: Backend) -> None:
        backend.append(block([0], {"a": np.array([2**53 + 1])}))
        backend.append(block([1], {"a": np.array([0.5])}), block([2], {"a": np.array([True])}))
        backend.store.fold(force=True)
        backend.append(block([3], {"a": np.array([7], np.uint64)}))
        backend.store.fold(force=True)
        found = backend.store.points([Cut(1)], "a")
        assert bytes(found.kinds) == b"qd?Q"
        assert found.exact.tolist() == [2**53 + 1, int(np.float64(0.5).view(np.uint64)), 1, 7]

    def test_an_append_is_seen_after_its_commit_and_not_before(self, backend: Backend) -> None:
        seen = []
        with backend.database.write() as tx:
            backend.store.append(tx, [block([0], {"a": [1.0]})], [ObjectPoint(1, 0, 0, "text", b'"x"')])
            reader = threading.Thread(
                target=lambda: seen.append((backend.store.points([Cut(1)], "a"), backend.store.objects([Cut(1)])))
            )
            reader.start()
            reader.join()
        ((points, objects),) = seen
        assert len(points.steps) == 0
        assert objects == []
        assert backend.store.points([Cut(1)], "a").steps.tolist() == [0]
        assert len(backend.store.objects([Cut(1)])) == 1

    def test_an_abandoned_transaction_leaves_no_trace(self, backend: Backend) -> None:
        backend.append(block([0], {"a": [1.0]}))

        def fail() -> None:
            with backend.database.write() as tx:
                backend.store.append(tx, [block([1], {"a": [2.0], "new": [1.0]})], [ObjectPoint(1, 0, 0, "t", b"1")])
                backend.store.delete(tx, [1])
                raise InterruptedError

        with pytest.raises(InterruptedError):
            fail()
        assert backend.store.metrics([Cut(1)]) == [MetricStat("a", "history", "number", 1, 0, 0)]
        backend.append(block([1], {"new": [3.0]}))
        assert backend.store.points([Cut(1)], "new").values.tolist() == [3.0]

    def test_the_newest_arrival_of_a_step_is_read(self, backend: Backend) -> None:
        backend.append(block([5, 3, 5], {"a": [1.0, 2.0, 3.0]}), block([3], {"a": [4.0]}))
        backend.append(block([9, 5], {"a": [5.0, 6.0]}))
        found = backend.store.points([Cut(1)], "a")
        assert found.steps.tolist() == [3, 5, 9]
        assert found.values.tolist() == [4.0, 6.0, 5.0]

    def test_all_arrivals_are_kept_in_order(self, backend: Backend) -> None:
        for values in ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0]):
            backend.append(block([5, 5], {"a": values}))
            backend.store.fold(force=True)
        backend.append(block([5, 4], {"a": [7.0, 8.0]}))
        found = backend.store.points([Cut(1)], "a", repeats="all")
        assert found.steps.tolist() == [4, 5, 5, 5, 5, 5, 5, 5]
        assert found.values.tolist() == [8.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]

    def test_streams_and_segments_are_apart(self, backend: Backend) -> None:
        backend.append(
            block([0], {"a": [1.0]}),
            block([0], {"a": [2.0]}, stream="system"),
            block([0], {"a": [3.0]}, segment=2),
        )
        assert backend.store.points([Cut(1)], "a").values.tolist() == [1.0]
        assert backend.store.points([Cut(1)], "a", stream="system").values.tolist() == [2.0]
        assert backend.store.points([Cut(2)], "a").values.tolist() == [3.0]

    def test_cuts_join_segments_into_one_history(self, backend: Backend) -> None:
        backend.append(block([0, 1, 2, 3], {"a": [0.0, 1.0, 2.0, 3.0]}))
        backend.append(block([2, 3, 4], {"a": [20.0, 30.0, 40.0]}, segment=2))
        history = [Cut(2, 2), Cut(1, None, 2)]
        assert backend.store.points(history, "a").values.tolist() == [0.0, 1.0, 20.0, 30.0, 40.0]
        (found,) = backend.store.buckets([history], "a", lo=0, width=2, count=8)
        assert found.total.tolist() == [1.0, 50.0, 40.0]

    def test_points_many_answers_in_order(self, backend: Backend) -> None:
        backend.append(block([0], {"a": [1.0]}), block([0], {"a": [2.0]}, segment=2))
        found = backend.store.points_many([[Cut(2)], [], [Cut(1)], [Cut(3)]], "a")
        assert [points.values.tolist() for points in found] == [[2.0], [], [1.0], []]

    def test_what_nobody_logged_is_empty(self, backend: Backend) -> None:
        assert len(backend.store.points([Cut(9)], "none").steps) == 0
        assert backend.store.metrics([Cut(9)]) == []
        assert backend.store.objects([Cut(9)], ["none"]) == []
        (found,) = backend.store.buckets([[Cut(9)]], "none", lo=0, width=64, count=3)
        assert len(found.bucket) == 0
        assert backend.store.fold(force=True) == 0

    def test_buckets_count_what_is_not_finite(self, backend: Backend) -> None:
        backend.append(block(range(4), {"a": [np.nan, np.inf, -np.inf, np.nan]}), block([4, 5], {"a": [2.0, -1.0]}))
        (found,) = backend.store.buckets([[Cut(1)]], "a", lo=0, width=4, count=2)
        assert found.bucket.tolist() == [0, 1]
        assert found.points.tolist() == [4, 2]
        np.testing.assert_array_equal(found.low, [np.nan, -1.0])
        np.testing.assert_array_equal(found.high, [np.nan, 2.0])
        assert found.total.tolist() == [0.0, 1.0]
        np.testing.assert_array_equal(found.first, [np.nan, 2.0])
        assert (found.nan.tolist(), found.pinf.tolist(), found.ninf.tolist()) == ([2, 0], [1, 0], [1, 0])

    @pytest.mark.parametrize(("lo", "width", "count"), [(0, 3, 1), (1, 2, 1), (0, 0, 1), (0, 4, -1)])
    def test_a_grid_that_is_none_is_refused(self, backend: Backend, lo: int, width: int, count: int) -> None:
        with pytest.raises(UsageError, match="cannot bucket"):
            backend.store.buckets([[Cut(1)]], "a", lo=lo, width=width, count=count)

    def test_objects_by_name_and_step_newest_first_come_last(self, backend: Backend) -> None:
        late = ObjectPoint(1, 2, 10, "note", b'"late"')
        early = ObjectPoint(1, 1, 11, "note", b'"early"')
        again = ObjectPoint(1, 2, 12, "note", b'"again"')
        other = ObjectPoint(1, 0, 13, "image", b"{}")
        backend.append(objects=[late, early])
        backend.append(objects=[again, other])
        assert backend.store.objects([Cut(1)]) == [other, early, again]
        assert backend.store.objects([Cut(1)], ["note"], repeats="all") == [early, late, again]
        assert backend.store.objects([Cut(1, 2)], ["note"]) == [again]
        assert backend.store.objects([Cut(1)], []) == []

    def test_metrics_tell_what_there_is(self, backend: Backend) -> None:
        backend.append(
            block([4, 9, 9], {"b": [1.0, 2.0, 3.0], "a": [1, 2, 3]}),
            block([0], {"cpu": [0.5]}, stream="system"),
            objects=[ObjectPoint(1, 3, 0, "b", b'"x"'), ObjectPoint(1, 3, 0, "b", b'"y"')],
        )
        expected = [
            MetricStat("a", "history", "number", 2, 4, 9),
            MetricStat("b", "history", "number", 2, 4, 9),
            MetricStat("b", "history", "object", 1, 3, 3),
            MetricStat("cpu", "system", "number", 1, 0, 0),
        ]
        assert backend.store.metrics([Cut(1)]) == expected
        backend.store.fold(force=True)
        assert backend.store.metrics([Cut(1)]) == expected
        assert backend.store.metrics([Cut(1, 5)]) == [
            MetricStat("a", "history", "number", 1, 9, 9),
            MetricStat("b", "history", "number", 1, 9, 9),
        ]

    def test_deleted_segments_are_gone_and_may_be_filled_again(self, backend: Backend) -> None:
        backend.append(block([0, 0], {"a": [1.0, 2.0]}), objects=[ObjectPoint(1, 0, 0, "t", b"1")])
        backend.append(block([0], {"a": [9.0]}, segment=2))
        backend.store.fold(force=True)
        backend.append(block([1], {"a": [3.0]}))
        assert len(backend.store.points([Cut(1)], "a").steps) == 2
        with backend.database.write() as tx:
            backend.store.delete(tx, [1])
        assert backend.store.metrics([Cut(1)]) == []
        assert len(backend.store.points([Cut(1)], "a", repeats="all").steps) == 0
        assert backend.store.points([Cut(2)], "a").values.tolist() == [9.0]
        backend.append(block([1], {"a": [4.0]}))
        assert backend.store.points([Cut(1)], "a").values.tolist() == [4.0]

    def test_a_column_that_cannot_be_stored_is_named(self, backend: Backend) -> None:
        if isinstance(backend.store, MemorySeriesStore):
            pytest.skip("the reference does not check its input")
        with pytest.raises(TypeError, match="complex128"):
            backend.append(block([0], {"a": np.array([1j])}))
        with pytest.raises(ValueError, match="'a'"):
            backend.append(block([0, 1], {"a": [1.0]}))

    def test_threads_read_while_others_write_and_fold(self, backend: Backend) -> None:
        faults: list[BaseException] = []
        done = threading.Event()

        def read() -> None:
            try:
                while not done.is_set():
                    found = backend.store.points([Cut(1)], "a")
                    assert found.steps.tolist() == list(range(len(found.steps)))
                    (buckets,) = backend.store.buckets([[Cut(1)]], "a", lo=0, width=64, count=64)
                    assert int(buckets.points.sum()) >= len(found.steps)
            except BaseException as error:  # noqa: BLE001 - shown by the test itself
                faults.append(error)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for at in range(30):
            backend.append(block(range(at * 50, at * 50 + 50), {"a": np.arange(50.0)}))
            if at % 7 == 6:
                backend.store.fold(force=True)
        done.set()
        for reader in readers:
            reader.join()
        assert faults == []
        assert len(backend.store.points([Cut(1)], "a").steps) == 1500


SEGMENTS = 2
NAMES = ["a", "b"]

steps_of_rows = st.lists(st.integers(-40, 200), min_size=1, max_size=30)


@st.composite
def values_of(draw: st.DrawFn, size: int) -> np.ndarray[Any, Any]:
    dtype = draw(st.sampled_from([np.float64, np.float64, np.float32, np.float16, np.int64, np.uint64, np.bool_]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    style = draw(st.sampled_from(["noise", "special", "zeros", "decimal", "bits", "count"]))
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        low = 0 if style == "count" else info.min
        high = 1000 if style == "count" else info.max
        return rng.integers(low, high, size, dtype=dtype, endpoint=True)
    if dtype is np.bool_:
        return rng.random(size) < 0.5
    if style == "special":
        values = rng.choice(SPECIAL, size)
    elif style == "zeros":
        values = rng.choice([0.0, -0.0, 1.0], size)
    elif style == "decimal":
        values = np.round(rng.standard_normal(size), int(rng.integers(0, 8)))
    elif style == "bits":
        values = rng.integers(0, 2**64 - 1, size, dtype=np.uint64, endpoint=True).view(np.float64)
    elif style == "count":
        values = np.arange(size, dtype=np.float64)
    else:
        values = rng.standard_normal(size) * 10.0 ** rng.integers(-3, 4)
    with np.errstate(all="ignore"):
        return values.astype(dtype)


@st.composite
def small_block(draw: st.DrawFn) -> Block:
    steps = draw(steps_of_rows)
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
    return Block(
        segment=draw(st.integers(0, SEGMENTS - 1)),
        stream=draw(st.sampled_from(["history", "history", "system"])),
        steps=np.array(steps, np.int64),
        times_ns=np.cumsum(np.array(draw(st.lists(st.integers(-5, 10**9), min_size=len(steps), max_size=len(steps))))),
        columns={name: draw(values_of(len(steps))) for name in names},
    )


@st.composite
def long_block(draw: st.DrawFn) -> Block:
    """Thousands of rows: enough for roll-ups and several chunks. Steps dense or spaced, in order or not, repeated."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(500, 7000))
    start = draw(st.sampled_from([0, 0, 5000, 9000, 16384, 20000, -3000, 2**53 - 400_000]))
    steps = start + np.arange(size) * draw(st.sampled_from([1, 1, 1, 2, 3, 50]))
    order = draw(st.sampled_from(["forward", "forward", "shuffled", "backward", "repeated"]))
    if order == "shuffled":
        rng.shuffle(steps)
    elif order == "backward":
        steps = steps[::-1].copy()
    elif order == "repeated":
        steps = np.sort(rng.choice(steps, size))
    return Block(
        segment=0,
        stream="history",
        steps=steps,
        times_ns=10**18 + np.cumsum(rng.integers(0, 10**8, size) // 1000 * draw(st.sampled_from([1, 1000]))),
        columns={name: draw(values_of(size)) for name in NAMES[: draw(st.integers(1, 2))]},
    )


@st.composite
def some_object(draw: st.DrawFn) -> ObjectPoint:
    return ObjectPoint(
        segment=draw(st.integers(0, SEGMENTS - 1)),
        step=draw(st.integers(-3, 5)),
        time_ns=draw(st.integers(0, 2**62)),
        name=draw(st.sampled_from([*NAMES, "ünï"])),
        json=draw(st.binary(max_size=5)),
    )


def operations(blocks: st.SearchStrategy[Block], most: int) -> st.SearchStrategy[list[tuple[str, Any]]]:
    batch = st.tuples(st.lists(blocks, min_size=1, max_size=3), st.lists(some_object(), max_size=3))
    fold = st.fixed_dictionaries(
        {
            "limit_rows": st.one_of(st.none(), st.integers(1, 5000)),
            "only": st.one_of(st.none(), st.lists(st.integers(0, SEGMENTS - 1), max_size=2)),
            "force": st.sampled_from([True, True, False]),
        }
    )
    return st.lists(
        st.one_of(
            st.tuples(st.just("append"), batch),
            st.tuples(st.just("append"), batch),
            st.tuples(st.just("fold"), fold),
            st.tuples(st.just("crash"), batch),
            st.tuples(st.just("delete"), st.integers(0, SEGMENTS - 1)),
        ),
        min_size=1,
        max_size=most,
    )


@st.composite
def cuts(draw: st.DrawFn) -> list[Cut]:
    """A history: a rewind or fork from one segment into the other at some steps."""
    edges = sorted(draw(st.lists(st.integers(-60, 22_000), max_size=2, unique=True)))
    bounds = [draw(st.sampled_from([None, -30, 64])), *edges, draw(st.sampled_from([None, 25_000, 16384]))]
    found = [Cut(draw(st.integers(0, SEGMENTS - 1)), lo, hi) for lo, hi in pairwise(bounds)]
    return draw(st.permutations(found))


grids = st.tuples(st.integers(0, 20), st.integers(-40, 40), st.integers(0, 3000))


class Pair:
    """The backend under test and the reference, fed alike. Segments of the two differ by ``base``."""

    def __init__(self, tested: Backend, base: int) -> None:
        self.tested = tested
        self.reference = Backend(MemoryDatabase(), MemorySeriesStore())
        self.base = base

    def moved(self, points: list[Any]) -> list[Any]:
        return [point._replace(segment=point.segment + self.base) for point in points]

    def apply(self, operation: str, argument: Any) -> None:
        if operation == "append":
            blocks, objects = argument
            self.tested.append(*self.moved(blocks), objects=self.moved(objects))
            self.reference.append(*blocks, objects=objects)
        elif operation == "crash":
            blocks, objects = argument

            def crash() -> None:
                with self.tested.database.write() as tx:
                    self.tested.store.append(tx, self.moved(blocks), self.moved(objects))
                    raise InterruptedError

            with pytest.raises(InterruptedError):
                crash()
        elif operation == "fold":
            only = range(SEGMENTS) if argument["only"] is None else argument["only"]
            self.tested.store.fold(
                limit_rows=argument["limit_rows"],
                only=[segment + self.base for segment in only],
                force=argument["force"],
            )
        else:
            with self.tested.database.write() as tx:
                self.tested.store.delete(tx, [argument + self.base])
            with self.reference.database.write() as tx:
                self.reference.store.delete(tx, [argument])

    def compare(self, history: list[Cut], asked: tuple[int, int, int], stream: Stream) -> None:
        bits, start, count = asked
        runs = [history, [Cut(0)], [Cut(1), Cut(7)]]
        moved = [self.moved(run) for run in runs]
        tested, reference = self.tested.store, self.reference.store
        for name in NAMES:
            for found, expected in zip(
                tested.points_many(moved, name, stream=stream),
                reference.points_many(runs, name, stream=stream),
                strict=True,
            ):
                assert_same_points(found, expected)
            assert_same_points(
                tested.points(moved[0], name, stream=stream, repeats="all"),
                reference.points(runs[0], name, stream=stream, repeats="all"),
            )
            grid = {"lo": start << bits, "width": 1 << bits, "count": count}
            for one, other in zip(
                tested.buckets(moved, name, stream=stream, **grid),
                reference.buckets(runs, name, stream=stream, **grid),
                strict=True,
            ):
                assert_same_buckets(one, other)
        for run, own in zip(runs, moved, strict=True):
            assert tested.metrics(own) == reference.metrics(run)
            assert tested.objects(own) == self.moved(reference.objects(run))
        assert tested.objects(moved[0], NAMES, repeats="all") == self.moved(
            reference.objects(runs[0], NAMES, repeats="all")
        )


class TestSeriesAgainstReference:
    bases = iter(range(1000, 10**9, 10))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        work=operations(small_block(), 12),
        history=cuts(),
        grid=grids,
        stream=st.sampled_from(["history", "history", "system"]),
    )
    def test_any_history_of_writes_reads_as_the_reference(
        self, shared_sql: Backend, work: list[tuple[str, Any]], history: list[Cut], grid: Any, stream: Stream
    ) -> None:
        pair = Pair(shared_sql, next(self.bases))
        for operation, argument in work:
            pair.apply(operation, argument)
        pair.compare(history, grid, stream)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(work=operations(long_block(), 7), history=cuts(), more=st.lists(grids, min_size=1, max_size=2))
    def test_long_histories_read_as_the_reference(
        self, shared_sql: Backend, work: list[tuple[str, Any]], history: list[Cut], more: list[Any]
    ) -> None:
        pair = Pair(shared_sql, next(self.bases))
        for operation, argument in work:
            pair.apply(operation, argument)
            pair.compare(history, more[0], "history")  # and leaves behind what the next answer must not be made of
        for grid in more[1:]:
            pair.compare(history, grid, "history")

    def test_grids_read_again_follow_every_change(self, shared_sql: Backend) -> None:
        pair = Pair(shared_sql, next(self.bases))
        rng = np.random.default_rng(3)

        def rows(first: int, end: int) -> tuple[list[Block], list[ObjectPoint]]:
            steps = np.arange(first, end, 8)
            return [Block(0, "history", steps, steps * 7, {"a": rng.standard_normal(len(steps))})], []

        fold = {"limit_rows": None, "only": None, "force": True}
        work: list[tuple[str, Any]] = [("append", rows(0, 50_000)), ("fold", fold), ("append", rows(50_000, 50_300))]
        work += [("append", rows(20_000, 20_001)), ("fold", fold), ("append", rows(-5_000, -4_000)), ("fold", fold)]
        work += [("delete", 0), ("append", rows(10, 40_000)), ("fold", fold)]
        for operation, argument in work:
            pair.apply(operation, argument)
            for bits, start, count in ((8, -30, 300), (3, 2000, 700), (10, -8, 1000), (6, 256, 256)):
                runs = [[Cut(0)], [Cut(0, 0, 30_000)], [Cut(0, None, 16_384), Cut(1, 16_384)]]
                lo, width = start << bits, 1 << bits
                found = shared_sql.store.buckets(
                    [pair.moved(run) for run in runs], "a", lo=lo, width=width, count=count
                )
                expected = pair.reference.store.buckets(runs, "a", lo=lo, width=width, count=count)
                for one, other in zip(found, expected, strict=True):
                    assert_same_buckets(one, other)

    def test_a_full_dense_history_reads_as_the_reference_at_every_width(self, shared_sql: Backend) -> None:
        pair = Pair(shared_sql, next(self.bases))
        rng = np.random.default_rng(7)
        steps = np.arange(40_000)
        values = np.where(rng.random(40_000) < 0.01, np.nan, rng.standard_normal(40_000))
        for part in np.split(steps, 10):
            rows = Block(0, "history", part, part * 1000, {"a": values[part]})
            pair.apply("append", ([rows], []))
            pair.apply("fold", {"limit_rows": None, "only": None, "force": True})
        pair.apply("append", ([Block(0, "history", np.array([16_390]), np.array([5]), {"a": np.array([9.0])})], []))
        for bits in (0, 5, 6, 8, 9, 13, 15, 20):
            for run in ([Cut(0)], [Cut(0, 100, 20_001)]):
                expected = pair.reference.store.buckets([run], "a", lo=0, width=1 << bits, count=1 << 16)
                found = shared_sql.store.buckets([pair.moved(run)], "a", lo=0, width=1 << bits, count=1 << 16)
                assert_same_buckets(found[0], expected[0])
