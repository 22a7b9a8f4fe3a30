"""Encode plain values as tagged JSON: the form in which arguments and results enter and leave the sandbox.

In: Python values. Out: bytes, and plain values decoded from bytes. Decoding builds built-in types and nothing else, so
a hostile process can send wrong values but never code. Only the standard library is imported: the sandbox loads this
file. Does not cover: objects of a program's own classes, which arrive as an `Opaque` with the class's name.
"""

from __future__ import annotations

import importlib
import json
from collections import deque
from typing import Any

MAX_DEPTH = 200
MAX_ITEMS = 1_000_000  # of an iterator, of a range, of all nested values together
MAX_DIGITS = 1_000_000  # hexadecimal, of an integer
MAX_TEXT = 100_000  # characters of a value of a rare type
MAX_EXPONENT = 10_000  # of a Decimal
OBJECT = '["o",'  # in encoded text for every object without a plain value; a pair of a dict may begin so too
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode  # not `decode`, which searches for white space, of which there is none
_ATOMS = (type(None), bool, str, float)
_BASES: tuple[Any, ...] = (int, float, str, bytes, list, tuple, set, frozenset, dict, deque)
_COLLISIONS = 1000
_SMALL = 1 << 62  # larger integers travel in hexadecimal: decimal digits are limited, and slow
_SEQUENCES: dict[Any, str] = {list: "l", tuple: "t", set: "s", frozenset: "f", deque: "q"}
_BUILT_FROM: dict[str, Any] = {tag: kind for kind, tag in _SEQUENCES.items()}
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))


class Opaque:
    """An object that has no plain value; it equals nothing but itself."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name

    def __repr__(self) -> str:
        return f"<{self.type_name}>"


def has_opaque(value: object) -> bool:
    """Return whether a plain value contains an object without one."""
    if isinstance(value, dict):
        return any(map(has_opaque, value.keys())) or any(map(has_opaque, value.values()))
    if isinstance(value, list | tuple | set | frozenset | deque):
        return any(map(has_opaque, value))
    return isinstance(value, Opaque)


def dumps(value: object) -> bytes:
    """Encode a value; equal values have the same encoding, except for the order in dicts.

    Raises:
        ValueError: nested deeper than 200, or an endless iterator.
    """
    return _encode(_tagged(value, 0)).encode()


def loads(data: bytes) -> Any:
    """Decode a value.

    Raises:
        ValueError: `dumps` did not write this.
    """
    if data.count(b"[") > MAX_ITEMS:
        raise ValueError(f"more than {MAX_ITEMS} values in one")
    try:
        text = data.decode()
        tagged, end = _decode(text)
        value = _plain(tagged)
    except (
        MemoryError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        RecursionError,
        ArithmeticError,
        AttributeError,
    ) as exc:
        raise ValueError(f"not a tagged value: {exc}") from None
    if end != len(text):
        raise ValueError("not a tagged value: more than one")
    return value


def _tagged(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is int:
        return value if -_SMALL < value < _SMALL else ["x", hex(value)]
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if kind is set or kind is frozenset:  # sorted, since the order of strings in a set differs from run to run
        return [_SEQUENCES[kind], *sorted((_tagged(item, depth + 1) for item in value), key=_encode)]
    if kind in _SEQUENCES:
        return [_SEQUENCES[kind], *[_tagged(item, depth + 1) for item in value]]
    if kind is dict:
        return ["d", *[[_tagged(k, depth + 1), _tagged(v, depth + 1)] for k, v in value.items()]]
    return _rarer(value, depth)


def _rarer(value: Any, depth: int) -> Any:
    kind = type(value)
    write = _RARE.get(f"{kind.__module__}.{kind.__qualname__}")
    if write is not None:
        return [f"{kind.__module__}.{kind.__qualname__}", *write(value)]
    if isinstance(value, _VIEWS) or (hasattr(value, "__next__") and hasattr(value, "__iter__")):
        return ["i", kind.__name__, *[_tagged(item, depth + 1) for item in _limited(value)]]
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        as_python = value.tolist()
        return _tagged(as_python, depth + 1) if value.shape == () else ["i", "ndarray", *_tagged(as_python, depth)[1:]]
    for base in _BASES:
        if isinstance(value, base):  # Counter, namedtuple, IntEnum, ...: equal to their base's value
            return _tagged(str.__str__(value) if base is str else base(value), depth)
    return ["o", kind.__name__]


def _limited(iterable: Any) -> list[Any]:
    items = []
    for item in iterable:
        items.append(item)
        if len(items) > MAX_ITEMS:
            raise ValueError(f"an iterator of more than {MAX_ITEMS} items")
    return items


# by a type's name: the arguments of the type, or of its method in _READ_BY, that make a value again
_RARE: dict[str, Any] = {
    "builtins.bytes": lambda v: [v.hex()],
    "builtins.bytearray": lambda v: [v.hex()],
    "builtins.complex": lambda v: [v.real, v.imag],
    "builtins.range": lambda v: [v.start, v.stop, v.step],
    "decimal.Decimal": lambda v: [str(v)],
    "fractions.Fraction": lambda v: [hex(v.numerator), hex(v.denominator)],
    "datetime.datetime": lambda v: [v.isoformat()],
    "datetime.date": lambda v: [v.isoformat()],
    "datetime.time": lambda v: [v.isoformat()],
    "datetime.timedelta": lambda v: [v.days, v.seconds, v.microseconds],
}
_READ_BY = {"bytes": "fromhex", "bytearray": "fromhex"} | dict.fromkeys(("datetime", "date", "time"), "fromisoformat")


def _rare(name: str, arguments: list[Any]) -> Any:
    if name not in _RARE:
        raise ValueError("unknown tag")
    module, _, kind = name.partition(".")
    of = getattr(importlib.import_module(module), kind)
    if kind == "Fraction":  # not from a text: "1e999999999" would be computed in full
        return of(*[int(_short(part, MAX_TEXT), 16) for part in arguments])
    if kind in _READ_BY:
        return getattr(of, _READ_BY[kind])(_short(*arguments) if kind not in ("bytes", "bytearray") else arguments[0])
    value = of(*[_short(part) if isinstance(part, str) else part for part in arguments])
    if kind == "range" and abs(value.stop - value.start) // abs(value.step) > MAX_ITEMS:
        raise ValueError(f"a range of more than {MAX_ITEMS} numbers")
    if kind == "Decimal" and value.is_finite() and abs(value.adjusted()) > MAX_EXPONENT:
        raise ValueError(f"a Decimal with an exponent beyond {MAX_EXPONENT}")
    return value


def _short(text: str, most: int = MAX_TEXT) -> str:
    """Return the text; refuse one whose conversion would take long."""
    if len(text) > most:
        raise ValueError(f"a number or date of {len(text)} characters")
    return text


def _refuse_collisions(keys: list[Any]) -> None:
    """Refuse keys with the same hash: a set or dict of them takes quadratic time."""
    if len(keys) - len({hash(key) for key in keys}) > _COLLISIONS:
        raise ValueError("keys with one hash")


def _plain(tagged: Any) -> Any:
    if not isinstance(tagged, list):
        if isinstance(tagged, dict):
            raise TypeError("an object without a tag")
        return tagged
    tag, *rest = tagged
    if tag == "x":
        return int(_short(rest[0], MAX_DIGITS), 16)
    if tag == "d":
        pairs = [(_plain(key), _plain(value)) for key, value in rest]
        _refuse_collisions([key for key, _ in pairs])
        return dict(pairs)
    if tag == "i":
        return _iterated(rest[0], [_plain(item) for item in rest[1:]])
    if tag == "o":
        return Opaque(str(rest[0]))
    if tag in _BUILT_FROM:
        items = [_plain(item) for item in rest]
        if tag in ("s", "f"):
            _refuse_collisions(items)
        return _BUILT_FROM[tag](items)
    return _rare(tag, rest)


def _iterated(type_name: str, items: list[Any]) -> Any:
    if type_name == "dict_keys":
        return dict.fromkeys(items).keys()
    return iter(items)
