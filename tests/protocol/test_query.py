from __future__ import annotations

import math
from typing import Any

import pytest

from runlore.errors import UsageError
from runlore.protocol.query import (
    EVERYTHING,
    MAX_COMPARISONS,
    MAX_DEPTH,
    MAX_PATTERN,
    MAX_VALUES,
    All,
    Compare,
    Key,
    Not,
    Some,
    Term,
    parse_filter,
    parse_filter_text,
    parse_key,
    parse_order,
    print_filter,
)

LR = Key("config", "lr")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("config.lr", LR),
        ("config.lr.value", LR),
        ("config.o.lr.value", Key("config", "o.lr")),
        ("config.x.value.value", Key("config", "x.value")),
        ("config.value", Key("config", "value")),
        ("summary_metrics.train/loss", Key("summary", "train/loss")),
        ("summary.loss.value", Key("summary", "loss.value")),
        ("display_name", Key("run", "name")),
        ("displayName", Key("run", "name")),
        ("username", Key("run", "user")),
        ("jobType", Key("run", "job_type")),
        ("createdAt", Key("run", "created_at")),
        ("heartbeatAt", Key("run", "heartbeat_at")),
        ("sweep", Key("run", "sweep")),
    ],
)
def test_keys_of_wandb_are_known(text: str, expected: Key) -> None:
    assert parse_key(text) == expected


@pytest.mark.parametrize("text", ["", "nothing", "config", "config.", "summary.", "segment", "record_ns", "Tags"])
def test_an_unknown_key_is_named_with_those_that_are_known(text: str) -> None:
    with pytest.raises(UsageError, match=f"cannot use '{text}' as a key of runs: expected one of id, name") as caught:
        parse_key(text)
    assert ("did you mean 'tags'" in str(caught.value)) == (text == "Tags")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (None, EVERYTHING),
        ({}, EVERYTHING),
        ({"config.lr": 1}, Compare(LR, "eq", (1,))),
        ({"config.lr.value": {"$gt": 0, "$lte": 1}}, All((Compare(LR, "gt", (0,)), Compare(LR, "lte", (1,))))),
        ({"config.lr": {"$ne": None}}, Not(Compare(LR, "eq", (None,)))),
        ({"config.lr": {"$nin": [1, "a"]}}, Not(Compare(LR, "in", (1, "a")))),
        ({"config.lr": {"$not": {"$exists": True}}}, Not(Compare(LR, "exists", (True,)))),
        ({"config.lr": math.inf}, Compare(LR, "eq", ("Infinity",))),
        ({"$nor": [{"config.lr": 1}]}, Not(Some((Compare(LR, "eq", (1,)),)))),
        ({"notes": ""}, Compare(Key("run", "notes"), "eq", (None,))),
        (
            {"createdAt": {"$gte": "1970-01-02T01:00:00.5+01:00"}},
            Compare(Key("run", "created_at"), "gte", (86_400_500_000,)),
        ),
        (
            {"$and": [{"state": "finished"}, {"$or": [{"tags": "a"}, {"group": "b"}]}]},
            All(
                (
                    Compare(Key("run", "state"), "eq", ("finished",)),
                    Some((Compare(Key("run", "tags"), "eq", ("a",)), Compare(Key("run", "group"), "eq", ("b",)))),
                )
            ),
        ),
    ],
)
def test_filters_are_read(filters: dict[str, Any] | None, expected: object) -> None:
    assert parse_filter(filters) == expected


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {"config.lr": 1}
    for _ in range(levels):
        found = {"$and": [found]}
    return found


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ([], r"cannot use \[\] as filters: expected an object"),
        ({1: 2}, "cannot use 1 as a key"),
        ({"$xor": []}, r"operator '\$xor' here"),
        ({"$and": {}}, r"as the value of '\$and': expected a list"),
        ({"$or": []}, r"as the value of '\$or': expected a list"),
        ({"$or": [1]}, r"cannot use 1 as a filter in '\$or'"),
        ({"$not": 1}, r"cannot use 1 as the value of '\$not'"),
        ({"config.lr": {}}, r"'config.lr' with \{\}: expected a value or operators, \$eq"),
        ({"config.lr": {"$gtt": 1}}, r"'config.lr' by '\$gtt'.*did you mean '\$gt'"),
        ({"config.lr": {"gt": 1}}, r"'config.lr' by 'gt'.*did you mean '\$gt'"),
        ({"config.lr": {"$gt": None}}, r"None as 'config.lr' \$gt: expected a number or text"),
        ({"config.lr": {"$gt": math.nan}}, r"as 'config.lr' \$gt: expected a number or text"),
        ({"config.lr": [1, 2]}, r"\[1, 2\] as 'config.lr' \$eq: .*use \$in"),
        ({"config.lr": {"$in": 1}}, r"1 as 'config.lr' \$in: expected a list"),
        ({"config.lr": {"$exists": 1}}, r"1 as 'config.lr' \$exists: expected true or false"),
        ({"config.lr": {"$regex": 1}}, r"1 as 'config.lr' \$regex: expected a regular expression"),
        ({"config.lr": {"$regex": "x" * (MAX_PATTERN + 1)}}, "at most 1000 characters"),
        ({"config.lr": {"$not": 1}}, r"1 as 'config.lr' \$not: expected an object"),
        ({"config.lr": 10**400}, "expected a number below"),
        ({"config.lr": "\ud800"}, "no Unicode text"),
        ({"config.\ud800": 1}, "no Unicode text"),
        ({"created_at": "yesterday"}, r"'yesterday' as 'created_at' \$eq: expected a time in ISO 8601"),
        ({"created_at": 5}, "expected a time in ISO 8601"),
        ({"created_at": {"$regex": "2025"}}, "for a key with texts"),
        ({"last_step": "5"}, r"'5' as 'last_step' \$eq: expected a number"),
        ({"state": 5}, r"5 as 'state' \$eq: expected text"),
        ({"tags": {"$gt": "a"}}, r"'a' as 'tags' \$gt"),
        ({"stat": "finished"}, "did you mean 'state'"),
        (nested(MAX_DEPTH + 1), "nested deeper"),
        ({"$or": [{"config.lr": n} for n in range(MAX_COMPARISONS + 1)]}, r"more than 200 comparisons; use \$in"),
        ({"config.lr": {"$in": list(range(MAX_VALUES + 1))}}, "at most 10,000 values"),
    ],
)
def test_what_is_wrong_with_a_filter_is_told(filters: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_filter(filters)


@pytest.mark.parametrize("text", ["{", "1", "[]", "[" * 100_000, '"a"'])
def test_text_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected a"):
        parse_filter_text(text)


def test_text_is_read_as_json() -> None:
    assert parse_filter_text(' {"config.lr": 1} ') == Compare(LR, "eq", (1,))
    assert parse_filter_text("") == EVERYTHING


def test_times_are_printed_as_times() -> None:
    printed = print_filter(parse_filter({"created_at": {"$lt": "2025-01-31"}}))
    assert printed == {"created_at": {"$lt": "2025-01-31T00:00:00Z"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-created_at", (Term(Key("run", "created_at"), is_descending=True),)),
        ("+created_at", (Term(Key("run", "created_at")),)),
        (" createdAt", (Term(Key("run", "created_at")),)),
        (
            "config.lr.value, -summary_metrics.loss,name",
            (Term(LR), Term(Key("summary", "loss"), is_descending=True), Term(Key("run", "name"))),
        ),
        ("-config.a,b,id", (Term(Key("config", "a,b"), is_descending=True), Term(Key("run", "id")))),
    ],
)
def test_orders_are_read(text: str, expected: tuple[Term, ...]) -> None:
    assert parse_order(text) == expected


@pytest.mark.parametrize("text", ["", "+", "nothing", "id,nothing", "--id", "id,,name", ",".join(["id"] * 21)])
def test_what_is_wrong_with_an_order_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="cannot sort by"):
        parse_order(text)
