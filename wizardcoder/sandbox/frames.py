"""Messages between the host and a sample: frames on a socket.

A frame is the sizes of a JSON object and of the bytes that follow it, then both. Host and guest load this file; it
imports little, because every fork copies what is loaded. `Channel` is the sample's end, and the host trusts nothing
that comes from it.
"""

from __future__ import annotations

import os
import struct

MAX_FRAME = 64 * 2**20
MAX_ERROR_CHARACTERS = 300  # of an exception's text
SIZES = struct.Struct("<II")
READY, DONE, RETURNED = b'{"ready":true}', b'{"done":true}', b'{"returned":true}'
EXIT = struct.Struct("id")  # of a sample, on the control socket: exit status, CPU seconds
_HELD_BYTES = 1 << 15  # results are sent together up to this size
_READ_BYTES = 1 << 14  # most messages are read whole


class Channel:
    """The sample's end of the socket, by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._held = bytearray()
        self._read = b""
        self._sent = False

    def send(self, message: bytes, tail: bytes = b"") -> None:
        """Send a JSON object and bytes that follow it, after the held frames."""
        self.hold(message, tail)
        self.flush()

    def hold(self, message: bytes, tail: bytes = b"") -> None:
        """Send later, together with other frames; the first at once, so that the host sees a wrong answer at once."""
        self._held += SIZES.pack(len(message), len(tail)) + message + tail
        if not self._sent or len(self._held) > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send the held frames."""
        left = memoryview(bytes(self._held))
        while left:
            left = left[os.write(self.descriptor, left) :]
        self._held.clear()
        self._sent = True

    def receive(self) -> tuple[bytes, bytes]:
        """Receive a JSON object and the bytes that follow it; exit if the host has hung up."""
        self._fill(SIZES.size)
        head, tail = SIZES.unpack_from(self._read)
        first, end = SIZES.size + head, SIZES.size + head + tail
        self._fill(end)
        read, self._read = self._read, self._read[end:]
        return read[SIZES.size : first], read[first:end]

    def _fill(self, count: int) -> None:
        while len(self._read) < count:
            part = os.read(self.descriptor, max(_READ_BYTES, count - len(self._read)))
            if not part:
                os._exit(0)
            self._read += part
