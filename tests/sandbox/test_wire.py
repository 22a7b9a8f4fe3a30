"""Plain values cross the wall unchanged; whatever else arrives is refused, quickly and in few words."""

from __future__ import annotations

import collections
import datetime
import enum
import itertools
import json
import math
import time
from decimal import Decimal
from fractions import Fraction

import pytest

from wizardcoder.sandbox.wire import MAX_DEPTH, MAX_ITEMS, Opaque, dumps, loads


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, 0, -1, 2**62, -(2**62), 10**5000, -(10**5000), 0.1, -0.0, 1e308, math.inf, -math.inf),
        *("", "text", "é中\0\n", "\ud800", "[]", b"", b"\0\xff", bytearray(b"x"), 1 + 2j, complex(math.inf, 0)),
        *([], [1, [2.5, None]], (), (1,), ((),), set(), {1, "a", (2,)}, frozenset({1}), {frozenset({1})}),
        *({}, {1: 2, "1": [3], (1, 2): {"a": None}, None: True}, {"d": ["l", "x", "o"]}, ["x", "0x1"], ["o", "A"]),
        *(range(3), range(0, -10, -2), range(0), collections.deque([1, [2]])),
        *(Decimal("1.10"), Decimal("-Infinity"), Decimal("1e-30"), Fraction(-1, 3), Fraction(10**300, 7)),
        *(datetime.date(2024, 2, 29), datetime.time(1, 2, 3, 4), datetime.timedelta(-1, 2, 3)),
        *(datetime.datetime(2024, 2, 29, 1, 2), datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
        nested(MAX_DEPTH),
        list(range(10**5)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_comes_back_as_it_was(value):
    found = loads(dumps(value))
    assert found == value
    assert type(found) is type(value)
    assert dumps(found) == dumps(value)


def test_types_within_a_value_are_kept():
    value = [1, 1.0, True, "1", (1,), [1], {1: (True, 1.0)}]
    assert repr(loads(dumps(value))) == repr(value)


def test_order_of_a_dict_is_kept():
    assert list(loads(dumps({"b": 1, "a": 2}))) == ["b", "a"]


def test_nan_stays_nan():
    assert math.isnan(loads(dumps(float("nan"))))
    assert math.copysign(1, loads(dumps(-0.0))) == -1


class Colour(enum.IntEnum):
    RED = 1


class Number(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class Pair(collections.namedtuple("Pair", "a b")):
    pass


class Word(str):
    def __eq__(self, other):
        return True

    def __str__(self):
        return "another"

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.RED, 1),
        (Number(3), 3),
        (Word("x"), "x"),
        (Pair(1, 2), (1, 2)),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_subclass_arrives_as_its_base(value, plain):
    found = loads(dumps(value))
    assert found == plain
    assert type(found) is type(plain)


def test_subclass_that_equals_everything_no_longer_does():
    assert loads(dumps(Number(3))) != 4
    assert loads(dumps([Word("x")])) != ["y"]


def test_iterators_arrive_as_iterators():
    for value in (iter([1, 2]), (n for n in (1, 2)), map(int, "12"), zip([1, 2]), itertools.islice([1, 2], 2)):
        found = loads(dumps(value))
        assert iter(found) is found
    assert list(loads(dumps(n * n for n in range(4)))) == [0, 1, 4, 9]


def test_views_of_a_dict_keep_what_they_are_for():
    assert loads(dumps({1: 2}.keys())) == {1}
    assert list(loads(dumps({1: 2}.values()))) == [2]
    assert list(loads(dumps({1: 2}.items()))) == [(1, 2)]


def test_numpy_arrives_as_python():
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    for value, plain in ((np.int64(3), 3), (np.float64(0.5), 0.5), (np.bool_(True), True), (np.array(7), 7)):
        found = loads(dumps(value))
        assert found == plain
        assert type(found) is type(plain)
    assert list(loads(dumps(np.array([1, 2])))) == [1, 2]
    assert [list(row) for row in loads(dumps(np.eye(2)))] == [[1.0, 0.0], [0.0, 1.0]]


class Stranger:
    def __eq__(self, other):
        return True

    __hash__ = None


def test_stranger_equals_nothing_but_itself():
    found = loads(dumps(Stranger()))
    assert isinstance(found, Opaque)
    assert repr(found) == "<Stranger>"
    assert found == found
    assert found != loads(dumps(Stranger()))
    for value in (0, 1, True, None, "", "Stranger", [], {}):
        assert found != value
    for value in (len, print, type, int, object(), lambda: 1, math, Stranger, re := __import__("re").compile("a")):
        assert isinstance(loads(dumps(value)), Opaque), re


def endless():
    while True:
        yield 1


def self_reference() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (endless(), f"more than {MAX_ITEMS} items"),
        (itertools.count(), f"more than {MAX_ITEMS} items"),
        (self_reference(), f"nested deeper than {MAX_DEPTH}"),
        (nested(MAX_DEPTH + 2), f"nested deeper than {MAX_DEPTH}"),
    ],
    ids=["endless generator", "count", "self-reference", "deep"],
)
def test_endless_value_is_refused(value, reason):
    with pytest.raises(ValueError, match=reason):
        dumps(value)


REFUSED = {
    "nothing": b"",
    "no JSON": b"[",
    "not UTF-8": b'"\xff"',
    "two values": b"1 2",
    "an object": b"{}",
    "an object within": b'["l",{}]',
    "no tag": b"[]",
    "a tag that is no text": b"[1]",
    "a tag that is a list": b"[[]]",
    "an unknown tag": b'["z"]',
    "a function": b'["os.system","true"]',
    "eval": b'["builtins.eval","1"]',
    "open": b'["builtins.open","/etc/passwd"]',
    "a type of ours": b'["wizardcoder.sandbox.wire.Opaque","x"]',
    "a name with dots": b'["builtins.bytes.fromhex","00"]',
    "bytes by count": b'["builtins.bytes",3000000000]',
    "bytes by list": b'["builtins.bytes",[1,2]]',
    "bytearray by count": b'["builtins.bytearray",3000000000]',
    "no hex": b'["x","zz"]',
    "hex that is a number": b'["x",12]',
    "hex that is missing": b'["x"]',
    "many decimal digits": b"7" * 10**6,
    "a list as a key": b'["d",[["l"],1]]',
    "a dict without values": b'["d",[1]]',
    "a list in a set": b'["s",["l"]]',
    "a range of text": b'["builtins.range","0","9"]',
    "a range without end": b'["builtins.range",0,1000000000000,1]',
    "a Fraction by zero": b'["fractions.Fraction","0x1","0x0"]',
    "a Fraction of huge numbers": b'["fractions.Fraction","0x' + b"7e" * 2 * 10**5 + b'","0x' + b"3d1" * 10**5 + b'"]',
    "a Decimal with a huge exponent": b'["decimal.Decimal","1e9999999"]',
    "a Decimal with a tiny exponent": b'["decimal.Decimal","1e-9999999"]',
    "a long Decimal": b'["decimal.Decimal","' + b"1" * 10**6 + b'"]',
    "a Decimal that is none": b'["decimal.Decimal","x"]',
    "a date that is none": b'["datetime.date","x"]',
    "a long date": b'["datetime.date","' + b"1" * 10**6 + b'"]',
    "a long tag": b'["' + b"u" * 10**6 + b'"]',
    "a timedelta beyond all": b'["datetime.timedelta",1e308]',
    "deep": b'["l",' * 10**5,
    "deep and whole": b'["l",' * 10**5 + b"1" + b"]" * 10**5,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_dumps_does_not_write_is_refused(name):
    start = time.process_time()
    with pytest.raises(ValueError) as caught:
        loads(REFUSED[name])
    assert len(str(caught.value)) < 500
    assert time.process_time() < start + 15


@pytest.mark.parametrize("name", ["__class__", "print", "exit", "o", "Stranger"])
def test_a_stranger_s_name_is_only_a_text(name):
    assert repr(loads(json.dumps(["o", name]).encode())) == f"<{name}>"
