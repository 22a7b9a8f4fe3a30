"""Reading JSON and JSON Lines, gzipped or not, with one-line errors that name file and line.

Text is UTF-8; a byte order mark at the start is skipped. NaN and Infinity are accepted: benchmarks publish them.
Does not check what a value contains (core/validation.py), nor write files (core/records.py).
"""

from __future__ import annotations

import codecs
import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from wizardcoder.core import paths
from wizardcoder.core.console import StageError


def read_json(path: Path, *, allow_surrogates: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """Read a file that holds one JSON value.

    Raises:
        StageError: the file cannot be read, is not JSON in UTF-8, is nested too deeply, or holds an integer too long to
            convert or, unless `allow_surrogates`, text with a lone surrogate.
    """
    raw = b"".join(line for _, line in read_lines(path))
    value = _parse(raw, path, 1)
    if not allow_surrogates:
        _refuse_surrogates(value, raw, path, 1)
    return value


def read_jsonl(path: Path, *, allow_surrogates: bool = False) -> Iterator[tuple[int, Any]]:
    """Yield (line number, value) of each line that is not blank.

    Raises:
        StageError: as `read_json`; names the line.
    """
    for number, line in read_lines(path):
        if line.strip():
            value = _parse(line.rstrip(b"\r\n"), path, number)
            if not allow_surrogates:
                _refuse_surrogates(value, line, path, number)
            yield number, value


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, bytes with the line end) of a file, gzipped if its name ends in .gz.

    Raises:
        StageError: the file cannot be read or decompressed.
    """
    number = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise StageError(f"{path}:{number + 1}: not gzip, or cut short: {exc}") from exc
    except FileNotFoundError as exc:
        raise StageError(f"{path}: {exc.strerror}{paths.missing_cure(path)}") from exc
    except OSError as exc:
        raise StageError(f"{path}: {exc.strerror or exc}") from exc


def _parse(raw: bytes, path: Path, line: int) -> Any:  # noqa: ANN401 - any JSON value
    """Parse a value that begins at this line of a file."""
    try:
        return json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as exc:
        line += raw.count(b"\n", 0, exc.start)
        raise StageError(f"{path}:{line}: not UTF-8: byte {raw[exc.start]:#04x}") from exc
    except json.JSONDecodeError as exc:
        line += exc.lineno - 1
        raise StageError(f"{path}:{line}: not JSON, or cut short: {exc.msg} (column {exc.colno})") from exc
    except RecursionError as exc:
        line += raw.count(b"\n", 0, _deepest(raw))
        raise StageError(f"{path}:{line}: not JSON that can be read: nested too deeply") from exc
    except ValueError as exc:  # an integer of more digits than Python converts
        digits = sys.get_int_max_str_digits()
        found = re.search(rb"\d{%d}" % (digits + 1), raw)
        line += raw.count(b"\n", 0, found.start() if found else 0)
        raise StageError(f"{path}:{line}: not JSON that can be read: an integer of more than {digits} digits") from exc


def _deepest(raw: bytes) -> int:
    """Return where a JSON text is nested most deeply."""
    depth = deepest = place = 0
    for match in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', raw):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(match[0], 0)
        if depth > deepest:
            deepest, place = depth, match.start()
    return place


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _refuse_surrogates(value: Any, raw: bytes, path: Path, line: int) -> None:  # noqa: ANN401 - any JSON value
    if b"\\u" in raw and (key := _key_of_surrogate(value)) is not None:
        line += raw.count(b"\n", 0, _lone_surrogate(raw))
        raise StageError(f"{path}:{line}: {key}holds a lone surrogate, accepted: text in Unicode")


def _lone_surrogate(raw: bytes) -> int:
    """Return where a JSON text has the first escape of a surrogate that is not half of a pair."""
    high = -1  # where the last escape began, if it is a first half that ends here
    for match in re.finditer(rb"\\(?:u([0-9a-fA-F]{4})|.)", raw):
        half = (match[1] or b"")[:2].lower()
        paired = high >= 0 and match.start() == high + 6 and half in (b"dc", b"dd", b"de", b"df")
        if high >= 0 and not paired:
            return high
        if not paired and half in (b"dc", b"dd", b"de", b"df"):
            return match.start()
        high = match.start() if half in (b"d8", b"d9", b"da", b"db") else -1
    return max(high, 0)


def _key_of_surrogate(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return the path (`a.0.b: `) of the first text that is not Unicode; a loop, since values may be nested deeply."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        key, item = waiting.pop()
        if isinstance(item, str):
            if not _is_unicode(item):
                return f"{key}: " if key else ""
        elif isinstance(item, dict):
            if not all(map(_is_unicode, item)):
                return f"{key}: a key " if key else "a key "
            waiting += [(f"{key}.{name}".lstrip("."), part) for name, part in reversed(item.items())]
        elif isinstance(item, list):
            waiting += [(f"{key}.{place}".lstrip("."), part) for place, part in reversed(list(enumerate(item)))]
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
