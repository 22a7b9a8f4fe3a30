"""Encode DS-1000's results as bytes: a sample's result reaches the judge by value, without pickle.

In: built-in values, and those of numpy, pandas and scipy.sparse. Out: bytes, and the same values decoded from bytes.
Decoding builds these types from numbers, texts and plain arrays, and checks the indices in them, so a hostile process
can send wrong values but never code. A subclass of a built-in type arrives as its base. Does not cover: fitted
estimators, figures, functions, subclasses of numpy's and pandas' types. Runs inside the sandbox; imports pandas and
scipy only for values of theirs.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import io
from collections import deque
from typing import Any

import numpy as np

from wizardcoder.sandbox import wire as plain_wire

MAX_DEPTH = 50
_LEAVES = (
    *(type(None), bool, int, float, complex, str, bytes, bytearray, range, decimal.Decimal, fractions.Fraction),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)
_BASES: tuple[Any, ...] = (bool, int, float, str, bytes)
_CONTAINERS: dict[str, Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "deque": deque}
_COMPRESSED = ("csr", "csc", "bsr")
_SPARSE = (*_COMPRESSED, "coo", "dia", "lil", "dok")


def dumps(value: object) -> bytes:
    """Encode a value.

    Raises:
        TypeError: it contains a value of a type that is not covered.
        ValueError: nested deeper than 50, or an endless iterator.
    """
    return plain_wire.dumps(_flat(value, 0))


def loads(data: bytes) -> Any:
    """Decode a value.

    Raises:
        ValueError: `dumps` did not write this.
    """
    plain = plain_wire.loads(data)
    try:
        return _restored(plain)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, ArithmeticError, AttributeError) as exc:
        raise ValueError(f"not a value of the wire: {exc}") from None


def _flat(value: Any, depth: int = 0) -> Any:
    """Return a value for the sandbox's wire format: a leaf unchanged, others as a list that starts with a tag."""
    kind = type(value)
    if kind in _LEAVES:
        return value
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    library = kind.__module__.partition(".")[0]
    if library == "numpy":
        return _flat_numpy(value, depth + 1)
    if library == "pandas":
        return _flat_pandas(value, depth + 1)
    if library == "scipy" and getattr(value, "format", None) in _SPARSE:
        return _flat_sparse(value)
    for name, container in _CONTAINERS.items():
        if isinstance(value, container):
            return [name, *[_flat(item, depth + 1) for item in value]]
    if isinstance(value, dict):
        return ["dict", *[[_flat(k, depth + 1), _flat(v, depth + 1)] for k, v in value.items()]]
    if isinstance(value, slice):
        return ["slice", *[_flat(part, depth + 1) for part in (value.start, value.stop, value.step)]]
    for base in _BASES:
        if isinstance(value, base):
            return base.__str__(value) if base is str else base(value)
    if hasattr(value, "__next__") or isinstance(value, (type({}.keys()), type({}.values()), type({}.items()))):
        return ["iterator", *[_flat(item, depth + 1) for item in _limited(value)]]
    raise _refusal(value)


def _refusal(value: object) -> TypeError:
    return TypeError(f"a result of type {type(value).__module__}.{type(value).__qualname__} cannot leave the sandbox")


def _limited(iterable: Any) -> list[Any]:
    items = []
    for item in iterable:
        items.append(item)
        if len(items) > plain_wire.MAX_ITEMS:
            raise ValueError(f"an iterator of more than {plain_wire.MAX_ITEMS} items")
    return items


def _flat_numpy(value: Any, depth: int) -> list[Any]:
    kind = type(value)
    if kind is np.ndarray:
        if value.dtype == object:
            return ["objects", list(value.shape), *[_flat(item, depth) for item in value.ravel()]]
        return ["array", _npy(value)]
    if kind is np.matrix:
        return ["matrix", _npy(np.asarray(value))]
    if kind is np.ma.MaskedArray:
        return ["masked", _flat(value.data, depth), _npy(np.ma.getmaskarray(value)), _flat(value.fill_value, depth)]
    if value is np.ma.masked:
        return ["the_masked"]
    if isinstance(value, np.generic):
        return ["scalar", _npy(np.asarray(value))]
    if isinstance(value, np.dtype) and value.names is None:
        return ["dtype", value.str]
    raise _refusal(value)


def _npy(array: Any) -> bytes:
    if array.dtype.hasobject:
        raise TypeError(f"an array of {array.dtype} cannot leave the sandbox")
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getvalue()


def _array(data: bytes) -> Any:
    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)


def _objects(shape: list[int], *items: Any) -> Any:
    array = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        array[place] = _restored(item)
    return array.reshape(shape)


def _flat_sparse(value: Any) -> list[Any]:
    """Return the format's own arrays, which keep stored zeros and the order of indices; lil and dok as coordinates."""
    name, shape = type(value).__name__, list(value.shape)
    if name not in {f"{value.format}_{form}" for form in ("matrix", "array")}:
        raise _refusal(value)
    if value.format in _COMPRESSED:
        return ["sparse", name, shape, *map(_npy, (value.data, value.indices, value.indptr))]
    if value.format == "dia":
        return ["sparse", name, shape, *map(_npy, (value.data, value.offsets))]
    value = value.tocoo()
    return ["sparse", name, shape, *map(_npy, (value.data, value.row, value.col))]


def _sparse(name: str, shape: list[int], *parts: bytes) -> Any:
    import scipy.sparse

    form = name.partition("_")[0]
    if form not in _SPARSE or name not in {f"{form}_matrix", f"{form}_array"}:
        raise ValueError(f"no sparse format: {name!r}")
    data, *places = map(_array, parts)
    if form in _COMPRESSED:
        made = getattr(scipy.sparse, name)((data, *places), shape=tuple(shape))
        made.check_format(full_check=True)  # compiled code trusts the indices
        return made
    if form == "dia":
        return getattr(scipy.sparse, name)((data, *places), shape=tuple(shape))
    base = "coo_" + name.partition("_")[2]
    return getattr(scipy.sparse, base)((data, tuple(places)), shape=tuple(shape)).asformat(form)


def _flat_pandas(value: Any, depth: int) -> list[Any]:
    from wizardcoder.scoring.ds1000 import wire_pandas

    flat = wire_pandas.flat(value, lambda item: _flat(item, depth))
    if flat is None:
        raise _refusal(value)
    return flat


def _restored(flat: Any) -> Any:
    if not isinstance(flat, list):
        return flat
    tag, *rest = flat
    if tag in _CONTAINERS:
        return _CONTAINERS[tag](map(_restored, rest))
    if tag in _READ:
        return _READ[tag](*rest)
    if isinstance(tag, str) and tag.startswith("pandas."):
        from wizardcoder.scoring.ds1000 import wire_pandas

        return wire_pandas.restored(tag, list(map(_restored, rest)))
    raise ValueError(f"unknown tag {tag!r}")


_READ: dict[str, Any] = {
    "dict": lambda *pairs: {_restored(key): _restored(value) for key, value in pairs},
    "slice": lambda *parts: slice(*map(_restored, parts)),
    "iterator": lambda *items: iter(list(map(_restored, items))),
    "array": _array,
    "objects": _objects,
    "scalar": lambda data: _array(data)[()],
    "matrix": lambda data: np.asmatrix(_array(data)),
    "masked": lambda data, mask, fill: np.ma.MaskedArray(_restored(data), _array(mask), fill_value=_restored(fill)),
    "the_masked": lambda: np.ma.masked,
    "dtype": np.dtype,
    "sparse": _sparse,
}
