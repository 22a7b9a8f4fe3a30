"""The part of DS-1000's wire format (wire.py) for pandas' types.

In: a value of pandas. Out: a tag and parts that wire.py encodes, and the value built from these. Every type is built by
its public constructor, which checks codes and lengths. Does not cover: groupings, offsets, styles, attrs, and classes
that others derive from pandas' own. Runs inside the sandbox.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

_Flat = Callable[[Any], Any]


def flat(value: Any, inner: _Flat) -> list[Any] | None:
    """Return a value's tag and parts; None for a type that is not covered.

    Args:
        value: of a type that pandas defines.
        inner: flattens a part.
    """
    if value is pd.NaT:
        return ["pandas.NaT"]
    if value is pd.NA:
        return ["pandas.NA"]
    write = _WRITE.get(type(value))
    if write is not None:
        tag, *parts = write(value)
        return [f"pandas.{tag}", *map(inner, parts)]
    if isinstance(value, pd.Index) and type(value).__module__.startswith("pandas."):
        freq = getattr(value, "freq", None)
        freq_name = None if freq is None or isinstance(value, pd.PeriodIndex) else freq.freqstr
        return ["pandas.Index", *map(inner, (_values(value), value.name, freq_name))]
    return None


def restored(tag: str, parts: list[Any]) -> Any:
    """Build the value of a tag and its decoded parts.

    Raises:
        ValueError, TypeError, ...: `flat` did not write these.
    """
    return _READ[tag.removeprefix("pandas.")](*parts)


def _values(of: Any) -> Any:
    """Return the data of a Series or an Index: a numpy array if it is one, else pandas' own array."""
    return np.asarray(of) if isinstance(of.dtype, np.dtype) else of.array


def _frame_parts(frame: pd.DataFrame) -> list[Any]:
    columns = [_values(frame.iloc[:, place]) for place in range(frame.shape[1])]
    return ["DataFrame", frame.columns, frame.index, columns]


def _frame(columns: Any, index: Any, arrays: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame({place: _series(array, index, None) for place, array in enumerate(arrays)}, index=index)
    frame.columns = columns
    return frame


def _series(array: Any, index: Any, name: Any) -> pd.Series:
    return pd.Series(array, index=index, name=name, dtype=array.dtype)


def _index(array: Any, name: Any, freq_name: str | None) -> pd.Index:
    index = pd.Index(array, name=name, dtype=array.dtype, tupleize_cols=False)
    if freq_name is not None:
        index.freq = pd.tseries.frequencies.to_offset(freq_name)
    return index


def _zone_name(zone: datetime.tzinfo | None) -> str | None:
    if isinstance(zone, datetime.timezone):
        return datetime.datetime(2000, 1, 1, tzinfo=zone).isoformat()[19:]
    return None if zone is None else str(zone)


def _zone(name: str) -> Any:
    """Return a time zone by its name from `_zone_name`: +02:00, pytz.FixedOffset(120), Europe/Paris."""
    if name[:1] in "+-":
        return datetime.datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo
    if name.startswith("pytz.FixedOffset("):
        import pytz

        return pytz.FixedOffset(int(name[len("pytz.FixedOffset(") : -1]))
    return name


def _timestamp(nanoseconds: int, zone_name: str | None) -> pd.Timestamp:
    made = pd.Timestamp(nanoseconds, unit="ns")
    return made if zone_name is None else made.tz_localize("UTC").tz_convert(_zone(zone_name))


def _zoned(moments: Any, zone_name: str) -> Any:
    return pd.DatetimeIndex(moments.view("M8[ns]")).tz_localize("UTC").tz_convert(_zone(zone_name)).array


def _nullable(data: Any, mask: Any) -> Any:
    kinds = {"b": pd.arrays.BooleanArray, "f": pd.arrays.FloatingArray}
    return kinds.get(data.dtype.kind, pd.arrays.IntegerArray)(data, mask)


def _sparse(stored: Any, places: Any, length: int, fill: Any) -> Any:
    dense = np.full(length, fill, dtype=stored.dtype)
    dense[places] = stored
    return pd.arrays.SparseArray(dense, fill_value=fill)


_NULLABLE: tuple[Any, ...] = (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray)
_WRITE: dict[type, Callable[[Any], list[Any]]] = {
    pd.DataFrame: _frame_parts,
    pd.Series: lambda v: ["Series", _values(v), v.index, v.name],
    pd.RangeIndex: lambda v: ["RangeIndex", v.start, v.stop, v.step, v.name],
    pd.MultiIndex: lambda v: ["MultiIndex", list(v.levels), [np.asarray(c) for c in v.codes], list(v.names)],
    pd.Categorical: lambda v: ["Categorical", np.asarray(v.codes), v.categories, v.ordered],
    pd.CategoricalDtype: lambda v: ["CategoricalDtype", v.categories, v.ordered],
    pd.arrays.DatetimeArray: lambda v: ["zoned", v.asi8, _zone_name(v.tz)],
    pd.arrays.PeriodArray: lambda v: ["periods", v.asi8, v.freqstr],
    pd.arrays.IntervalArray: lambda v: ["intervals", v.left, v.right, v.closed],
    pd.arrays.StringArray: lambda v: ["strings", np.asarray(v, dtype=object)],
    pd.arrays.SparseArray: lambda v: ["sparse", v.sp_values, v.sp_index.to_int_index().indices, len(v), v.fill_value],
    **dict.fromkeys(_NULLABLE, lambda v: ["nullable", v._data, v._mask]),
    pd.Timestamp: lambda v: ["Timestamp", v.value, _zone_name(v.tz)],
    pd.Timedelta: lambda v: ["Timedelta", v.value],
    pd.Interval: lambda v: ["Interval", v.left, v.right, v.closed],
    pd.Period: lambda v: ["Period", v.ordinal, v.freqstr],
}
_READ: dict[str, Callable[..., Any]] = {
    "NaT": lambda: pd.NaT,
    "NA": lambda: pd.NA,
    "DataFrame": _frame,
    "Series": _series,
    "Index": _index,
    "RangeIndex": lambda start, stop, step, name: pd.RangeIndex(start, stop, step, name=name),
    "MultiIndex": lambda levels, codes, names: pd.MultiIndex(levels, codes, names=names, verify_integrity=True),
    "Categorical": pd.Categorical.from_codes,
    "CategoricalDtype": pd.CategoricalDtype,
    "zoned": _zoned,
    "periods": lambda ordinals, freq: pd.arrays.PeriodArray(ordinals, freq=freq),
    "intervals": pd.arrays.IntervalArray.from_arrays,
    "strings": lambda texts: pd.array(texts, dtype="string"),
    "sparse": _sparse,
    "nullable": _nullable,
    "Timestamp": _timestamp,
    "Timedelta": lambda nanoseconds: pd.Timedelta(nanoseconds, unit="ns"),
    "Interval": pd.Interval,
    "Period": lambda ordinal, freq: pd.Period(ordinal=ordinal, freq=freq),
}
