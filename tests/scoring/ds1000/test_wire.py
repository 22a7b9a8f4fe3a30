"""DS-1000's wire: what crosses arrives with its type, anything else is refused."""

from __future__ import annotations

import collections
import datetime
import io
import pickle
import re
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest

from wizardcoder.sandbox import wire as values
from wizardcoder.scoring.ds1000 import wire as ds1000_wire
from wizardcoder.scoring.ds1000.runner import interpreter, missing_environment

ABSENT = missing_environment()


def same(left, right):
    """Equal in value and type, in whatever holds them."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        alike = left.dtype == right.dtype and left.shape == right.shape
        return alike and all(map(same, left.ravel().tolist(), right.ravel().tolist()))
    if isinstance(left, (list, tuple, collections.deque)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    return left == right or (left != left and right != right)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        10**400,
        -0.5,
        float("nan"),
        3 + 4j,
        "é\ud800",
        b"\x00\xff",
        range(2, 9, 3),
        Decimal("1.10"),
        datetime.datetime(2020, 2, 29, 12, 30),
        datetime.timedelta(days=1, microseconds=5),
        [1, (2.0, [None])],
        {"a": [1], (1, 2): {"b": {3}}},
        frozenset({1, "a"}),
        collections.deque([1, 2]),
        slice(1, None, 2),
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.eye(2, dtype=np.float32)),
        np.zeros((0, 3), dtype=bool),
        np.array(5),
        np.array(["a", "longer"]),
        np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([1, "a", None, [2], np.float64(3)], dtype=object),
        np.array([[1, None], ["b", 2]], dtype=object),
        np.float32(0.1),
        np.int64(7),
        np.bool_(True),
        np.datetime64("2020-01-01T10", "h"),
        np.str_("x"),
        np.dtype("float32"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_crosses_the_wire_with_its_type(value):
    assert same(ds1000_wire.loads(ds1000_wire.dumps(value)), value)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_matrix_stays_a_matrix():
    assert same(ds1000_wire.loads(ds1000_wire.dumps(np.asmatrix([[1, 2]]))), np.asmatrix([[1, 2]]))


def test_a_masked_array_keeps_its_mask():
    array = ds1000_wire.loads(ds1000_wire.dumps(np.ma.MaskedArray([1, 2], [False, True], fill_value=9)))
    assert (array.tolist(), array.fill_value) == ([1, None], 9)


def test_an_iterator_arrives_as_an_iterator_of_its_items():
    assert list(ds1000_wire.loads(ds1000_wire.dumps(np.float64(i) for i in range(2)))) == [0.0, 1.0]


def test_a_subclass_of_a_builtin_type_arrives_as_its_base():
    pair = collections.namedtuple("pair", "a b")
    assert same(ds1000_wire.loads(ds1000_wire.dumps(pair(1, collections.Counter("aa")))), (1, {"a": 2}))


class Always(np.ndarray):
    """Equals everything."""

    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (lambda: 1, "builtins.function"),
        (object(), "builtins.object"),
        (re.compile("a"), "re.Pattern"),
        ([np.random.default_rng(0)], "numpy.random._generator.Generator"),
        (np.zeros(2).view(Always), f"{__name__}.Always"),
        (np.float64, "builtins.type"),
    ],
)
def test_what_is_no_plain_data_is_refused_by_its_type(value, type_name):
    with pytest.raises(TypeError, match=rf"a result of type {type_name} cannot leave the sandbox"):
        ds1000_wire.dumps(value)


def test_an_array_with_objects_in_its_fields_is_refused():
    with pytest.raises(TypeError, match="cannot leave the sandbox"):
        ds1000_wire.dumps(np.zeros(1, dtype=[("a", object)]))


def test_what_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested deeper"):
        ds1000_wire.dumps(endless)


class Bomb:
    """Calls what its pickle names."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def pickled_npy():
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pickle.dumps(Bomb()),
        values.dumps(["array", pickled_npy()]),
        values.dumps(["array", pickle.dumps(Bomb())]),
        values.dumps(["no such tag"]),
        values.dumps([["list"]]),
        values.dumps(["dict", 1]),
        values.dumps(["objects", [3], 1]),
        values.dumps(["sparse", "os", [1, 1]]),
        values.dumps(["pandas.no such tag"]),
    ],
    ids=[
        "nothing",
        "pickle",
        "pickle in npy",
        "pickle as npy",
        "tag",
        "list as tag",
        "pairs",
        "shape",
        "module",
        "type",
    ],
)
def test_the_wire_reads_nothing_else(data):
    with pytest.raises(ValueError, match="not a"):
        ds1000_wire.loads(data)


def test_indices_out_of_bounds_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(2))
    matrix.indices[:] = 10**6
    with pytest.raises(ValueError, match="not a value of the wire"):
        ds1000_wire.loads(ds1000_wire.dumps(matrix))


def test_pandas_is_not_needed_for_what_is_not_of_pandas(monkeypatch):
    for name in ("pandas", "scipy", "scipy.sparse"):
        monkeypatch.setitem(sys.modules, name, None)
    assert ds1000_wire.loads(ds1000_wire.dumps([np.int8(1)])) == [np.int8(1)]


FRAMES = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, pandas as pd, scipy.sparse as sp
from wizardcoder.scoring.ds1000 import wire

days = pd.date_range("2020-01-01", periods=3, freq="D")
mixed = pd.DataFrame({
    "i": [1, 2, 3], "f": [0.5, np.nan, 1], "o": ["a", None, [1, {"k": 2}]], "b": [True, False, True], "d": days,
    "z": days.tz_localize("Europe/Paris"), "x": days.tz_localize("+02:00"), "t": days - days[0],
    "c": pd.Categorical(["u", "v", "u"], ["v", "u"], ordered=True),
    "I": pd.array([1, None, 3], dtype="Int64"), "B": pd.array([True, None, False], dtype="boolean"),
    "F": pd.array([0.5, None, 2], dtype="Float64"), "s": pd.array(["p", None, "q"], dtype="string"),
    "p": pd.period_range("2020-01", periods=3, freq="M"), "v": pd.interval_range(0, 3),
    "S": pd.arrays.SparseArray([0, 0, 5]),
})
frames = [
    mixed, pd.DataFrame(), pd.DataFrame(index=[1, 2]), pd.DataFrame(columns=["a", "b"]), mixed.set_index("d"),
    mixed.set_index(["i", "c"]), mixed.groupby("c").agg({"i": ["sum", "mean"]}),
    pd.DataFrame([[1, 2]], columns=["a", "a"]), pd.DataFrame({("a", 1): [1]}), mixed.iloc[::-1],
    mixed.rename_axis("rows").rename_axis("columns", axis=1),
]
for frame in frames:
    back = wire.loads(wire.dumps(frame))
    pd.testing.assert_frame_equal(back, frame, check_freq=True, check_column_type="equiv")
    assert list(map(str, back.dtypes)) == list(map(str, frame.dtypes)) and type(back.index) is type(frame.index)
    for name in frame.columns if frame.columns.is_unique else ():
        pd.testing.assert_series_equal(wire.loads(wire.dumps(frame[name])), frame[name])
indexes = [
    days, pd.RangeIndex(3, 0, -1, name="r"), pd.CategoricalIndex(["a", "b"]), pd.interval_range(0, 2),
    pd.Index([(1, 2), (3, 4)]), pd.Index([(1, 2), (3, 4)], tupleize_cols=False), pd.timedelta_range("1h", periods=2),
    pd.Index([1.5]), pd.Index(["a", 1]),
    pd.MultiIndex.from_product([["a", "b"], days], names=["l", None]), pd.period_range("2020", periods=2, freq="Q"),
]
for index in indexes:
    back = wire.loads(wire.dumps(index))
    pd.testing.assert_index_equal(back, index, exact=True)
    assert getattr(back, "freq", None) == getattr(index, "freq", None)
scalars = [
    pd.Timestamp("2020-01-01 10:00"), pd.Timestamp("2020-06-01", tz="Europe/Paris"),
    pd.Timestamp("2020-01-01T00:00:00+02:00"), pd.Timedelta("3h"), pd.NaT, pd.NA,
    pd.Interval(0, 1, "left"), pd.Period("2020-03", "M"), mixed["c"].dtype,
]
for scalar in scalars:
    back = wire.loads(wire.dumps([scalar]))[0]
    assert type(back) is type(scalar) and (back is scalar or back == scalar), scalar
for form in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok"):
    for kind in ("matrix", "array"):
        matrix = getattr(sp, f"{form}_{kind}")(np.array([[0, 1.5, 0], [2, 0, 0]]))
        back = wire.loads(wire.dumps(matrix))
        assert type(back) is type(matrix) and (back != matrix).nnz == 0 and back.dtype == matrix.dtype
class Frame(pd.DataFrame):
    pass
for value in (Frame(), mixed.groupby("i"), pd.offsets.Day()):
    try:
        wire.dumps(value)
    except TypeError:
        continue
    raise AssertionError(type(value))
print("done")
"""


@pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))
def test_pandas_and_scipy_values_cross_the_wire_with_their_dtypes_and_indexes(request):
    command = [str(interpreter()), "-W", "ignore", "-c", FRAMES, str(request.config.rootpath)]
    completed = subprocess.run(command, capture_output=True, text=True)
    assert (completed.stdout, completed.stderr) == ("done\n", "")
