"""The runs query, asked of the SQL backend and of the reference: the same runs in the same order, whatever is asked."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select

from runlore.errors import UsageError
from runlore.protocol import query
from runlore.store.database import SqlDatabase
from runlore.store.memory import MemoryDatabase
from runlore.store.memory_meta import MemoryMetaStore
from runlore.store.meta import schema
from runlore.store.meta.cells import cells_of
from runlore.store.meta.migrate import migrate
from runlore.store.meta.store import SqlMetaStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlore.store.base import Database, MetaStore, RunRecord

S = 1_000_000_000
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, -0.0, 2.0, 2**53, 2**53 + 1, 2**60, -(2**62), 1e300, math.inf, -math.inf, math.nan]),
)
TEXTS = st.sampled_from(["", "a", "A", "ab", "a%b", "é", "z", "1", "0", "true", "NaN", "Infinity", "\U0001f600", "￿"])
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
KEYS = st.sampled_from(["a", "a", "a", "b", "a.b", "b.a", "", "value", "a.value", 'q"u', "é", "_type"])
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        st.one_of(SCALARS, st.lists(SCALARS, max_size=2)),
        lambda inner: st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=4,
    ),
    max_size=4,
)
TAGS = st.lists(st.sampled_from(["a", "ab", "B", 'q"'])).map(lambda tags: list(dict.fromkeys(tags)))
PATTERNS = st.sampled_from(["a", "^a$", "^$", "[0-9]", ".", "(?i)A", "b|z", "é", "N"])
PATHS = st.sampled_from(
    ["a", "a", "a", "b", "a.b", "b.a", "a.b.a", "value", "a.value", "a.value.value", 'q"u', "a.", "none", "b.b"]
)
DOCUMENT_KEYS = st.builds(str.__add__, st.sampled_from(["config.", "summary.", "summary_metrics."]), PATHS)
TIMES = st.sampled_from(
    ["1970-01-01", "1970-01-01T00:00:02", "1970-01-01T00:00:02.000001Z", "1970-01-01T01:00:03+01:00"]
)


def conditions(key: st.SearchStrategy[str], values: st.SearchStrategy[Any], *, has_order: bool, has_text: bool) -> Any:
    """One key with one operator."""
    operators: list[Any] = [
        values.filter(lambda value: not isinstance(value, dict)),
        st.fixed_dictionaries({"$eq": values}),
        st.fixed_dictionaries({"$ne": values}),
        st.fixed_dictionaries({"$in": st.lists(values, max_size=3)}),
        st.fixed_dictionaries({"$nin": st.lists(values, max_size=3)}),
        st.fixed_dictionaries({"$exists": st.booleans()}),
    ]
    if has_order:
        ordered = values.filter(lambda value: value is not None and value != "" and str(value).lower() != "nan")
        signs = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
        operators += [st.dictionaries(signs, ordered, min_size=1, max_size=2)]
    if has_text:
        operators.append(st.fixed_dictionaries({"$regex": PATTERNS}))
    negated = st.one_of(operators[1:]).map(lambda found: {"$not": found})
    return st.tuples(key, st.one_of(*operators, negated)).map(lambda pair: {pair[0]: pair[1]})


COMPARISONS = st.one_of(
    conditions(DOCUMENT_KEYS, SCALARS, has_order=True, has_text=True),
    conditions(st.just("tags"), st.sampled_from(["a", "ab", None]), has_order=False, has_text=True),
    conditions(
        st.sampled_from(["name", "id", "state", "group", "jobType", "notes", "username", "sweep"]),
        st.sampled_from(["a", "b", "", "r1", "finished", "Infinity", None]),
        has_order=True,
        has_text=True,
    ),
    conditions(
        st.sampled_from(["last_step", "rows", "exit_code", "duration", "ordinal"]),
        st.sampled_from([0, 1, 2.5, 3, True, None]),
        has_order=True,
        has_text=False,
    ),
    conditions(
        st.sampled_from(["created_at", "updatedAt", "finished_at", "heartbeatAt"]),
        TIMES,
        has_order=True,
        has_text=False,
    ),
)
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=3), min_size=1),
        inner.map(lambda found: {"$not": found}),
    ),
    max_leaves=5,
)
ORDERS = st.lists(
    st.builds(
        str.__add__,
        st.sampled_from(["", "+", "-"]),
        st.one_of(DOCUMENT_KEYS, st.sampled_from(sorted({*query.FIELDS, *query.ALIASES} - {"key", "version"}))),
    ),
    min_size=1,
    max_size=3,
).map(",".join)
RUNS = st.fixed_dictionaries(
    {
        "config": DOCUMENTS,
        "summary": DOCUMENTS,
        "tags": TAGS,
        "name": st.sampled_from(["a", "b", "Ab", "Infinity", "r1"]),
        "state": st.sampled_from(["running", "finished", "crashed"]),
        "group": st.sampled_from(["", "a", "b"]),
        "job_type": st.sampled_from(["", "a"]),
        "notes": st.sampled_from(["", "a\nb"]),
        "finished_ns": st.one_of(st.none(), st.integers(0, 4 * S)),
        "record_ns": st.integers(0, 4 * S),
        "updated_ns": st.sampled_from([S, 2 * S, 2 * S + 1, 3 * S - 1]),
        "last_step": st.one_of(st.none(), st.integers(0, 3)),
        "exit_code": st.one_of(st.none(), st.integers(0, 1)),
        "rows": st.integers(0, 3),
    }
)


class Pair:
    """Both backends with the same runs. The reference is a new one for every project: it copies all it has to write."""

    def __init__(self, sql: SqlDatabase) -> None:
        self.sql = sql
        self.store = SqlMetaStore(sql)
        self.numbers = itertools.count()
        self.reference = MemoryMetaStore()
        with sql.write() as tx:
            self.store.add_user(tx, "ann", now_ns=1)

    @property
    def stores(self) -> tuple[MetaStore, MetaStore]:
        return self.store, self.reference

    def project(self, *versions: list[dict[str, Any]]) -> int:
        """A new project whose runs have these fields, one version after the other."""
        name = f"p{next(self.numbers)}"
        self.reference = MemoryMetaStore()
        backends: list[tuple[Database, MetaStore]] = [(MemoryDatabase(), self.reference), (self.sql, self.store)]
        for database, store in backends:
            with database.write() as tx:
                project = store.open_project(tx, "ann", name, now_ns=1)
                keys = [
                    store.open_run(tx, project, f"r{number}", user="ann", name="x", now_ns=(number + 2) // 2 * S)[0]
                    for number in range(max(map(len, versions)))
                ]
            for fields in versions:
                with database.write() as tx:
                    found = store.runs_by_key(keys[: len(fields)], tx)
                    runs = [found[key] for key in keys[: len(fields)]]
                    for run, given_fields in zip(runs, fields, strict=True):
                        for field, value in given_fields.items():
                            setattr(run, field, value)
                    store.save_runs(tx, runs)
        return project

    def ids(
        self, project: int, filters: Any = None, order: str = "created_at", *, offset: int = 0, limit: int = 100
    ) -> list[str]:
        """The ids that both backends find; they must agree."""
        wanted, terms = query.parse_filter(filters), query.parse_order(order)
        (expected, total), (found, other) = (
            ([run.id for run in runs], count)
            for runs, count in (
                store.list_runs(number, offset=offset, limit=limit, order=terms, filters=wanted)
                for number, store in ((1, self.reference), (project, self.store))
            )
        )
        assert (found, other) == (expected, total)
        return found

    def check_index(self, project: int) -> None:
        """The index says exactly what the documents say."""
        runs, _ = self.store.list_runs(project, offset=0, limit=100)
        key, kv = schema.run_key.c, schema.run_kv.c
        statement = select(kv.run, key.kind, key.name, kv.type, kv.number, kv.text).join(
            schema.run_key, (key.id == kv.key) & (key.project_id == project)
        )
        with self.sql.read() as connection:
            stored = {(row.run, row.kind, row.name): tuple(row)[3:] for row in connection.execute(statement)}
        assert stored == {
            (run.key, kind, path): (int(cell.type), cell.number, cell.text)
            for run in runs
            for kind, document in (("config", run.config), ("summary", run.summary))
            for path, cell in cells_of(document).items()
        }


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    database = SqlDatabase(f"sqlite:///{tmp_path_factory.mktemp('query') / 'meta.sqlite'}")
    with database.write() as tx:
        migrate(tx.connection)
    yield Pair(database)
    database.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    versions=st.lists(st.lists(RUNS, min_size=1, max_size=8), min_size=1, max_size=2),
    questions=st.lists(st.tuples(FILTERS, ORDERS), min_size=4, max_size=12),
)
def test_both_backends_find_the_same_runs_in_the_same_order(
    pair: Pair, versions: list[list[dict[str, Any]]], questions: list[tuple[Any, str]]
) -> None:
    project = pair.project(*versions)
    pair.check_index(project)
    for filters, order in questions:
        found = pair.ids(project, filters, order)
        assert pair.ids(project, filters, order, offset=1, limit=2) == found[1:3]
        inverse = pair.ids(project, {"$not": filters}, order)
        assert sorted(found + inverse) == sorted(pair.ids(project))


@given(FILTERS)
def test_a_filter_is_read_back_as_it_is_printed(filters: Any) -> None:
    found = query.parse_filter(filters)
    assert query.parse_filter(query.print_filter(found)) == found


@given(ORDERS)
def test_an_order_is_read_back_as_it_is_printed(order: str) -> None:
    found = query.parse_order(order)
    assert query.parse_order(query.print_order(found)) == found


def with_config(pair: Pair, *values: Any) -> int:
    return pair.project([{"config": {} if value is ... else {"x": value}} for value in values])


def test_values_are_compared_with_values_of_their_type(pair: Pair) -> None:
    project = with_config(pair, 1, "1", True, None, ..., [1], math.nan, {"y": 1}, 1.5)
    for value, expected in (
        (1, ["r0", "r2"]),
        ("1", ["r1"]),
        (True, ["r0", "r2"]),
        (None, ["r3", "r4"]),
        ("NaN", ["r6"]),
        (math.nan, ["r6"]),
    ):
        assert pair.ids(project, {"config.x": value}) == expected
    assert pair.ids(project, {"config.x": {"$gte": 1}}) == ["r0", "r2", "r8"]
    assert pair.ids(project, {"config.x": {"$gt": ""}}) == ["r1"]
    assert pair.ids(project, {"config.x": {"$ne": 1}}) == ["r1", "r3", "r4", "r5", "r6", "r7", "r8"]
    assert pair.ids(project, {"config.x": {"$exists": False}}) == ["r4"]
    assert pair.ids(project, {"config.x": {"$in": [1.5, "1", None]}}) == ["r1", "r3", "r4", "r8"]
    assert pair.ids(project, {"config.x.y.value": 1}) == ["r7"]


VALUES: list[Any] = [
    ...,
    None,
    True,
    False,
    0,
    1,
    -1.5,
    2**53 + 1,
    math.inf,
    -math.inf,
    math.nan,
    "",
    "a",
    "b",
    "1",
    "\U0001f600",
    [],
    [1],
    {},
]


@pytest.mark.parametrize("key", ["config.x", "config.o.x", "summary.x"])
def test_every_value_is_compared_with_every_other(pair: Pair, key: str) -> None:
    runs: list[dict[str, Any]] = []
    for value in VALUES:
        document: dict[str, Any] = {} if value is ... else {"x": value}
        runs.append({key.partition(".")[0]: {"o": document} if ".o." in key else document})
    project = pair.project(runs)
    operands = [value for value in VALUES if value is not ... and not isinstance(value, list | dict)]
    for operand in operands:
        equal = pair.ids(project, {key: operand})
        assert equal
        assert pair.ids(project, {key: {"$in": [operand, "none"]}}) == equal
        assert sorted(equal + pair.ids(project, {key: {"$nin": [operand]}})) == sorted(pair.ids(project))
        if operand is None or operand != operand:
            continue
        less, more = (pair.ids(project, {key: {operator: operand}}) for operator in ("$lt", "$gt"))
        assert sorted(less + equal) == sorted(pair.ids(project, {key: {"$lte": operand}}))
        assert sorted(more + equal) == sorted(pair.ids(project, {key: {"$gte": operand}}))
        alike = [
            f"r{number}"
            for number, value in enumerate(VALUES)
            if isinstance(value, str if isinstance(operand, str) else int | float) and value == value
        ]
        assert sorted(less + equal + more) == sorted(alike)
    for order in (key, f"-{key}", f"-{key},-id"):
        pair.ids(project, order=order)


def test_missing_values_come_last_in_every_direction(pair: Pair) -> None:
    project = with_config(pair, "a", ..., 2, math.nan, 1, None, [1], {"y": 1})
    assert pair.ids(project, order="config.x") == ["r4", "r2", "r0", "r6", "r1", "r3", "r5", "r7"]
    assert pair.ids(project, order="-config.x.value") == ["r6", "r0", "r2", "r4", "r7", "r5", "r3", "r1"]


def test_several_keys_sort_one_after_the_other(pair: Pair) -> None:
    project = pair.project([{"config": {"a": n % 2}, "summary": {"loss": n // 2}} for n in range(4)])
    assert pair.ids(project, order="-config.a,+summary_metrics.loss") == ["r1", "r3", "r0", "r2"]


def test_keys_without_a_place_of_their_own_are_absent(pair: Pair) -> None:
    project = pair.project([{}, {}])
    assert pair.ids(project, {"sweep": "s"}) == []
    assert pair.ids(project, {"sweep": {"$ne": "s"}}) == ["r0", "r1"]
    assert pair.ids(project, {"config.never": {"$exists": True}}, "-config.never") == []
    assert pair.ids(project, order="-sweep,id") == ["r0", "r1"]


def test_runs_of_other_projects_do_not_mix_in(pair: Pair) -> None:
    with_config(pair, 1, 2)
    project = with_config(pair, 2)
    assert pair.ids(project, {"config.x": {"$gte": 1}}, "-config.x") == ["r0"]


def test_a_large_filter_is_answered(pair: Pair) -> None:
    project = with_config(pair, *range(9))
    many: dict[str, Any] = {
        "$or": [{"config.x": {"$in": [n, str(n), None, "NaN"]}} for n in range(8, 8 + query.MAX_COMPARISONS)]
    }
    assert pair.ids(project, many) == ["r8"]
    assert pair.ids(project, {"config.x": {"$in": list(range(5, 5 + query.MAX_VALUES))}}) == ["r5", "r6", "r7", "r8"]
    deep: Any = {"config.x": 1}  # under an even number of negations
    for _ in range(query.MAX_DEPTH):
        deep = {"$not": deep}
    assert pair.ids(project, deep) == ["r1"]


def test_a_wrong_regular_expression_is_refused(pair: Pair) -> None:
    for store in pair.stores:
        for pattern in ("(", r"(?=a)", r"(a)\1"):
            wrong = query.parse_filter({"$or": [{"config.x": 1}, {"name": {"$regex": pattern}}]})
            with pytest.raises(UsageError, match="regex"):
                store.list_runs(1, offset=0, limit=1, filters=wrong)


def test_the_index_follows_records_whoever_read_them(pair: Pair) -> None:
    project = with_config(pair, 1)
    store = pair.store
    stale: list[RunRecord] = [store.list_runs(project, offset=0, limit=1)[0][0] for _ in range(2)]
    configs: list[dict[str, Any]] = [{"x": 2, "y": 1}, {"z": {"deep": 1}}]
    for run, config in zip(stale, configs, strict=True):
        run.config = config
        with pair.sql.write() as tx:
            store.save_runs(tx, [run])
    pair.check_index(project)
    assert [(count.name, count.runs) for count in store.key_counts(project)] == [("z.deep", 1)]
