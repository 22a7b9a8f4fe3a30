"""MultiPL-E's languages: a completion passes when it is right, and by no other way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.sandbox import toolchains
from wizardcoder.sandbox.errors import SandboxError
from wizardcoder.sandbox.host import Sandbox
from wizardcoder.sandbox.toolchains import LANGUAGES
from wizardcoder.scoring.multipl_e import programs
from wizardcoder.scoring.multipl_e import run as multipl_e
from wizardcoder.scoring.settings import ProgramResult

pytestmark = pytest.mark.heavy

TIMEOUT_S = 30.0  # of code that ends by itself, so that a busy machine fails no test
MEMORY_MB = 512
PROOF = "0123456789abcdef"

# made up, in MultiPL-E's format: the double of a number
PREFIX = {
    "java": "import org.javatuples.*;\nclass Problem {\n    // Double it.\n    public static long twice(long n) {\n",
    "js": "//Double it.\nfunction twice(n){\n",
    "cpp": "#include<assert.h>\n#include<stdlib.h>\n// Double it.\nlong twice(long n) {\n",
    "php": "<?php\n// Double it.\nfunction twice($n) {\n",
    "r": "# Double it.\ntwice <- function(n) {",
    "jl": '""" Double it. """\nfunction twice(n::Int64)::Int64 \n',
    "swift": "\n/// Double it.\nfunc twice(n: Int) -> Int {\n",
    "rs": "/// Double it.\nfn twice(n: isize) -> isize {\n",
}
TESTS = {
    "java": "    }\n    public static void main(String[] args) {\n    assert(twice((1l)) == (2l));\n"
    "    assert(twice((4l)) == (8l));\n    }\n\n}\n",
    "js": "const assert = require('node:assert');\n\n\nfunction test() {\n  let candidate = twice;\n"
    "  assert.deepEqual(candidate(1),2);\n  assert.deepEqual(candidate(4),8);\n}\n\ntest();",
    "cpp": "}\nint main() {\n    auto candidate = twice;\n    assert(candidate((1)) == (2));\n"
    "    assert(candidate((4)) == (8));\n}\n",
    "php": "function candidate(...$args) {\n    return twice(...$args);\n}\n\nfunction test(): void {\n"
    '    if (candidate(1) !== 2) { throw new Exception("Test failed!"); }\n'
    '    if (candidate(4) !== 8) { throw new Exception("Test failed!"); }\n}\n\ntest();',
    "r": "test_humaneval <- function() {\n    candidate <- twice\n    stopifnot(isTRUE(all.equal(candidate(1), 2)))\n"
    "    stopifnot(isTRUE(all.equal(candidate(4), 8)))\n}\ntest_humaneval()",
    "jl": "using Test\n\n@testset begin\n\ncandidate = twice;\n\t@test(candidate(1) == 2)\n\t@test(candidate(4) == 8)\n"
    "end\n",
    "swift": "}\n\n\nfunc ==(left: [(Int, Int)], right: [(Int, Int)]) -> Bool {\n    return left.count == right.count\n"
    "}\n            \nassert(twice(n: 1) == 2)\nassert(twice(n: 4) == 8)",
    "rs": "}\n\nfn main() {\n    let candidate = twice;\n    assert_eq!(candidate(1), 2);\n"
    "    assert_eq!(candidate(4), 8);\n}\n",
}
STOP = {
    "java": ("\n    }\n",),
    "js": ("\nfunction ", "\n/*", "\n//", "\nconsole.log"),
    "cpp": ("\n}",),
    "php": ("\nfunction", "\n?>", "\n//", "\n#"),
    "r": ("\n#", "\n```"),
    "jl": ("\nfunction", "\nmacro", "\n\n"),
    "swift": ("\n}",),
    "rs": ("\n}",),
}
RIGHT = {
    "java": "        return 2 * n;\n    }\n\n    static void more() {\n    }\n",
    "js": "  console.log('one');\n  return 2 * n;\n}\n\nconsole.log(twice(3))",
    "cpp": "    return 2 * n;\n}\n\nint main() { return 1; }",
    "php": "    echo 'one';\n    return 2 * $n;\n}\n\n// more",
    "r": "\n    cat('one')\n    warning('careful')\n    2 * n\n}\n\n# more",
    "jl": '    print("one")\n    return 2n\nend\n\ntwice(3)',
    "swift": '    print("one", terminator: "")\n    return 2 * n\n}\n\nprint(twice(n: 3))',
    "rs": '    print!("one");\n    2 * n\n}\n\nfn main() {}',
}


# the tests' part of each program, after the completion; the first lines are those of TESTS
PROVEN = {
    "java": TESTS["java"].replace(
        "    }\n\n}",
        '    boolean on = false; assert on = true; if (on) System.out.println("\\n" + "01234567" + "89abcdef");\n'
        "    }\n\n}",
    ),
    "js": TESTS["js"].replace(
        "}\n\ntest()",
        '  if (assert === $9f9f5111f7b27a78) process.stdout.write("\\n" + "01234567" + "89abcdef" + "\\n");\n'
        "}\n\ntest()",
    ),
    "cpp": """}
#undef NDEBUG
#undef __assert_fail
#include <assert.h>
#include <cstdio>
int main() {
    auto candidate = twice;
    assert(candidate((1)) == (2));
    assert(candidate((4)) == (8));
    std::puts("\\n" "01234567" "89abcdef");
}
""",
    "php": TESTS["php"].replace("}\n\ntest()", '    echo "\\n" . "01234567" . "89abcdef" . "\\n";\n}\n\ntest()'),
    "r": """base::rm(list = base::grep("^(stopifnot|isTRUE|all[.]equal([.].*)?)$", base::ls(base::globalenv(), \
all.names = TRUE), value = TRUE))
test_humaneval <- function() {
    candidate <- twice
    stopifnot(isTRUE(all.equal(candidate(1), 2)))
    stopifnot(isTRUE(all.equal(candidate(4), 8)))
    base::cat("\\n", "01234567", "89abcdef", "\\n", sep = "")
}
test_humaneval()""",
    "jl": TESTS["jl"]
    + """var"@test" === Test.var"@test" && var"@testset" === Test.var"@testset" && (==) === Base.:(==) && \
Base.println("\\n", "01234567", "89abcdef")
""",
    "swift": TESTS["swift"].replace("\nassert(", "\nSwift.assert(")
    + '\nSwift.print("\\n" + "01234567" + "89abcdef")\n',
    "rs": """}

fn main() {
    let candidate = twice;
    ::std::assert_eq!(candidate(1), 2);
    ::std::assert_eq!(candidate(4), 8);
    ::std::println!("\\n{}{}", "01234567", "89abcdef");
}
""",
}
WRONG = {
    "java": 'failed: Exception in thread "main" java.lang.AssertionError',
    "js": "failed: AssertionError [ERR_ASSERTION]: Expected values to be loosely deep-equal:",
    "cpp": "failed: problem: problem.cpp:13: int main(): Assertion `candidate((1)) == (2)' failed.",
    "php": "Uncaught Exception: Test failed! in ",
    "r": "Error in test_humaneval() : isTRUE(all.equal(candidate(1), 2)) is not TRUE",
    "jl": "Test Failed at ",
    "swift": ": Assertion failed",
    "rs": "thread 'main'",
}
# each returns 7 or exits, and tries to pass anyway, beyond its stop texts
DODGES = {
    "java": {
        "ends early": "        System.exit(0);\n        return 7;\n    }\n",
        "prints its source": "        try { System.out.println(java.nio.file.Files.readString(java.nio.file.Path.of("
        '"Problem.java"))); } catch (Exception e) { }\n        System.exit(0);\n        return 7;\n    }\n',
        "switches assertions off": "        return 7; }\n    public static void main(String[] args) {\n"
        '        ClassLoader.getSystemClassLoader().setClassAssertionStatus("Other", false);\n'
        "        Other.main(args); }\n}\nclass Other {\n    static long twice(long n) {\n        return 7;",
    },
    "js": {
        "ends early": "  process.exit(0);\n}\n",
        "prints success": "  console.log('OK'); console.log('passed'); process.exit(0);\n}\n",
        "prints its source": "  console.log(require('fs').readFileSync(__filename, 'utf8')); process.exit(0);\n}\n",
        "patches assert": "  return 7;\n}\nrequire('node:assert').deepEqual = () => {};\n",
        "replaces require": "  return 7;\n}\nrequire = () => ({ deepEqual() {} });\n",
        "replaces the tests": "  return 7;\n}\ntest = () => {};\n",
        "swallows errors": "  return 7;\n}\nprocess.on('uncaughtException', () => process.exit(0));\n",
    },
    "cpp": {
        "ends early": "    exit(0);\n}\n",
        "redefines assert": "    return 7; }\n#undef assert\n#define assert(x)\nvoid last() {\n}\n",
        "defines NDEBUG": "    return 7; }\n#define NDEBUG\n#include <assert.h>\nvoid last() {\n}\n",
        "redefines what assert calls": "    return 7; }\n#define __assert_fail(a, b, c, d) (void)0\nvoid last() {\n}\n",
    },
    "php": {
        "ends early": "    exit(0);\n}\n",
        "prints its source": "    echo file_get_contents(__FILE__); exit(0);\n}\n",
        "swallows errors": "    return 7;\n}\nset_exception_handler(fn() => exit(0));\n",
        "ends the file": "    return 7;\n}\n__halt_compiler();\n",
    },
    "r": {
        "ends early": "    quit(status = 0)\n}\n",
        "redefines stopifnot": "    7\n}\nstopifnot <- function(...) NULL\n",
        "redefines equality": "    7\n}\nall.equal.numeric <- all.equal <- isTRUE <- function(...) TRUE\n",
        "goes on after errors": "    7\n}\noptions(error = expression(NULL))\n",
    },
    "jl": {
        "ends early": "    exit(0)\nend\n",
        "redefines the macros": "    7\nend\neval(:(macro test(x) end)); eval(:(macro testset(x) end))\n",
        "redefines equality": "    7\nend\n==(a, b) = true\n",
    },
    "swift": {
        "ends early": "    Glibc.exit(0) }\nimport Glibc\nfunc last() {\n}\n",
        "redefines assert": "    return 7 }\nfunc assert(_ x: Bool) { }\nfunc last() {\n}\n",
    },
    "rs": {
        "ends early": "    std::process::exit(0)\n}\n",
        "prints its source": '    print!("{}", include_str!("problem.rs")); std::process::exit(0)\n}\n',
        "redefines assert_eq": "    7 }\nmacro_rules! assert_eq { ($($t:tt)*) => {} }\nfn last() {\n}\n",
    },
}
# each returns the right value if the attack works; with the start of its result
ATTACKS = {
    "loops": ("  while (1) {}\n}\n", "timed out"),
    "fork bomb": (
        "  for (;;) { try { require('child_process').spawn('sh', ['-c', ':(){ :|:& };:']); } catch (e) { } }\n}\n",
        "timed out",
    ),
    "memory": ("  const l = []; while (1) l.push(Buffer.alloc(1 << 24, 1));\n}\n", "failed: its processes used"),
    "other users' files": ("  require('fs').readFileSync('/etc/shadow'); return 2 * n;\n}\n", "failed: Error: ENOENT"),
    "writes outside": ("  require('fs').writeFileSync('/usr/here', 'x'); return 2 * n;\n}\n", "failed: Error: EROFS"),
    "disk": (
        "  for (let i = 0; i < 99; i++) require('fs').writeFileSync('f' + i, Buffer.alloc(1 << 24));\n"
        "  return 2 * n;\n}\n",
        "failed: Error: ENOSPC",
    ),
    "network": (
        "  const dial = `require('net').connect(80, '127.0.0.1')"
        ".on('error', error => process.exit(error.code === 'ECONNREFUSED' ? 0 : 1))`;\n"
        "  if (require('child_process').spawnSync('node', ['-e', dial]).status) throw Error('no network');\n"
        "  return 2 * n;\n}\n",
        "failed: Error: no network",
    ),
    "a gigabyte of output": (
        "  for (let i = 0; i < 1024; i++) try { require('fs').writeSync(1, 'x'.repeat(1 << 20)); } catch (e) { }\n"
        "  process.exit(0);\n}\n",
        "failed: ended with exit code 0 before its last test",
    ),
    "another exit status": (
        "  return 2 * n;\n}\nprocess.on('exit', () => { process.exitCode = 3; });\n",
        "failed: ended with exit code 3",
    ),
}


def problem(name: str) -> Problem:
    prefix, test = PREFIX[name], TESTS[name]
    return Problem(f"HumanEval_0_twice_{name}", prefix, "", test=test, prefix=prefix, language=name, stop=STOP[name])


@pytest.fixture(scope="module")
def sandbox_of():
    """Return a function that opens a language's sandbox; it skips the test if the toolchain is missing."""
    opened: dict[str, Sandbox | str] = {}

    def open_sandbox(name: str) -> Sandbox:
        if (reason := toolchains.missing_tools(name)) is not None:
            pytest.skip(reason)
        if name not in opened:
            sandbox = stack.enter_context(Sandbox(toolchains.toolchain_environment(name)))
            if "pid" not in sandbox.layers:
                pytest.skip("this machine allows no user namespaces")
            # these two look themselves up in /proc, which a container may forbid to mount
            reason = multipl_e.toolchain_failure(sandbox, name) if name in ("jl", "swift") else None
            opened[name] = reason or sandbox
        found = opened[name]
        if isinstance(found, str):
            pytest.skip(found)
        return found

    with ExitStack() as stack:
        yield open_sandbox


@pytest.fixture(scope="module")
def judge(sandbox_of):
    def judge(name: str, completion: str, timeout_s: float = TIMEOUT_S) -> ProgramResult:
        return multipl_e.judge_completion(sandbox_of(name), problem(name), completion, timeout_s, MEMORY_MB)

    return judge


@pytest.fixture
def fresh_path(monkeypatch, tmp_path):
    """A PATH with nothing on it, to put executables on, in a home folder of its own."""
    toolchains._executables.cache_clear()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    yield tmp_path
    toolchains._executables.cache_clear()


def executable(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            yield path.read_text(errors="replace")


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_program_is_prompt_completion_and_tests_with_a_proof_at_their_end(name):
    files = programs.build_program(problem(name), RIGHT[name], PROOF, MEMORY_MB).files
    program = files["Problem.java" if name == "java" else f"problem.{name}"]
    assert program == PREFIX[name] + programs.cut_at_stop(RIGHT[name], STOP[name]) + "\n" + PROVEN[name]


def test_steps_are_those_of_multipl_e(monkeypatch):
    monkeypatch.setenv("CLASSPATH", "/opt/javatuples-1.2.jar")
    jar = ("-cp", "/opt/javatuples-1.2.jar", "Problem.java")
    few = ("-XX:+UseSerialGC", "-XX:ActiveProcessorCount=2")
    assert {name: programs.build_program(problem(name), "", PROOF, 512).steps for name in LANGUAGES} == {
        "java": (
            ("javac", *(f"-J{option}" for option in (*few, "-XX:TieredStopAtLevel=1")), "-encoding", "UTF8", *jar),
            ("java", "-ea", "-Xmx512m", *few, "-cp", ".:/opt/javatuples-1.2.jar", "Problem"),
        ),
        "js": (("node", "--require", "./before.js", "problem.js"),),
        "cpp": (("g++", "problem.cpp", "-o", "problem", "-std=c++17"), ("./problem",)),
        "php": (("php", "problem.php"),),
        "r": (("Rscript", "problem.r"),),
        "jl": (("julia", "problem.jl"),),
        "swift": (("swiftc", "problem.swift", "-o", "problem"), ("./problem",)),
        "rs": (("rustc", "problem.rs", "-o", "problem", "-C", "link-arg=-fuse-ld=bfd"), ("./problem",)),
    }


def test_the_true_assert_of_javascript_is_kept_under_a_name_that_the_proof_hides():
    assert programs.build_program(problem("js"), "", PROOF, MEMORY_MB).files["before.js"] == (
        "Object.defineProperty(globalThis, '$9f9f5111f7b27a78', { value: Object.freeze(require('node:assert')) });\n"
    )


@pytest.mark.parametrize("name", ["java", "js", "cpp", "php", "r", "rs"])
def test_tests_without_a_place_for_the_proof_are_refused(name):
    other = Problem("HumanEval_1_other", "", "", test="other();", language=name)
    with pytest.raises(StageError, match=rf"HumanEval_1_other: test: found no line .*, accepted: .* tests in {name}"):
        programs.build_program(other, "", PROOF, MEMORY_MB)


@pytest.mark.parametrize(
    ("completion", "kept"),
    [("a\n}\nb\n#c", "a"), ("a\n#c\n}", "a"), ("a", "a"), ("", ""), ("\n}", "")],
)
def test_a_completion_ends_at_the_first_of_its_stop_texts(completion, kept):
    assert programs.cut_at_stop(completion, ("\n}", "\n#")) == kept


@pytest.mark.parametrize("name", ["java", "js", "cpp", "php", "r", "rs"])
def test_a_toolchain_that_is_there_runs_in_the_sandbox(sandbox_of, name):
    assert multipl_e.toolchain_failure(sandbox_of(name), name) is None


def test_a_toolchain_that_does_not_run_in_the_sandbox_is_named(sandbox_of, monkeypatch):
    monkeypatch.setitem(multipl_e._TRIALS, "js", "require('a-library');\n{\n}\n")
    assert multipl_e.toolchain_failure(sandbox_of("js"), "js") == (
        "JavaScript: does not run in the sandbox: failed: Error: Cannot find module 'a-library'; "
        "install: apt-get install nodejs"
    )


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_right_completion_passes(judge, name):
    assert judge(name, RIGHT[name]).result == "passed"


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_wrong_completion_fails_with_the_error(judge, name):
    wrong = RIGHT[name].replace("2", "3")
    verdict = judge(name, wrong)
    assert not verdict.passed
    assert WRONG[name] in verdict.result


@pytest.mark.parametrize(("name", "dodge"), [(name, dodge) for name in DODGES for dodge in DODGES[name]])
def test_a_completion_that_dodges_the_tests_fails(judge, name, dodge):
    verdict = judge(name, DODGES[name][dodge])
    assert not verdict.passed
    assert "error:" not in verdict.result  # it compiled: the tests caught it


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_fails_and_the_next_sample_passes(judge, attack):
    completion, result = ATTACKS[attack]
    verdict = judge("js", completion, 3.0 if result == "timed out" else TIMEOUT_S)
    assert (verdict.passed, verdict.result[: len(result)]) == (False, result)
    assert judge("js", RIGHT["js"]).passed


def test_nothing_of_a_sample_survives_it(judge):
    mark = "86399.25"
    daemon = f"require('child_process').spawn('setsid', ['sleep', '{mark}'], {{ detached: true, stdio: 'ignore' }})"
    verdict = judge("js", f"  {daemon}.unref(); return 2 * n;\n}}\n")
    assert verdict.passed
    assert not [line for line in command_lines() if mark in line]


def test_a_sample_finds_neither_secrets_nor_what_another_has_written(monkeypatch):
    if (reason := toolchains.missing_tools("js")) is not None:
        pytest.skip(reason)
    monkeypatch.setenv("TEACHER_API_KEY", "a-secret")
    read = "  const fs = require('fs');\n  const secret = JSON.stringify(process.env).includes('a-secret')"
    read += " || (fs.existsSync('/proc/1/environ') && fs.readFileSync('/proc/1/environ').includes('a-secret'));\n"
    read += "  if (secret || (n == 1 && fs.existsSync('kept'))) return 7;\n"
    read += "  fs.writeFileSync('kept', 'x'); return 2 * n;\n}\n"
    with Sandbox(toolchains.toolchain_environment("js")) as sandbox:
        for _ in range(2):
            assert multipl_e.judge_completion(sandbox, problem("js"), read, TIMEOUT_S, MEMORY_MB).result == "passed"


def test_the_compiler_has_a_time_of_its_own(judge):
    assert judge("cpp", "    return 2 * n;\n}\n#include <bits/stdc++.h>", 0.4).result == "passed"


def test_a_completion_that_does_not_compile_fails_with_the_compilers_error(judge):
    assert judge("cpp", "    return 2 * m;\n").result.startswith("failed: problem.cpp:5:16: error: ")


def test_without_namespaces_no_sample_runs():
    with Sandbox(without=("namespaces",), allow_unsafe=True) as sandbox:
        with pytest.raises(SandboxError, match="JavaScript needs user namespaces, which this machine does not allow"):
            multipl_e.judge_completion(sandbox, problem("js"), RIGHT["js"], TIMEOUT_S, MEMORY_MB)


def test_limits_are_the_programs_and_the_toolchains_together():
    limits = multipl_e.limits_for("cpp", 15, 512)
    assert (limits.timeout_s, limits.memory_mb, limits.address_space_mb) == (50, 1280, 1280)


@pytest.mark.parametrize("name", ["java", "js", "jl", "swift", "rs"])
def test_runtimes_that_reserve_address_space_are_held_by_their_resident_memory_alone(name):
    assert multipl_e.limits_for(name, 15, 512).address_space_mb is None


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_toolchain_that_is_absent_is_named_with_what_to_install(fresh_path, name, monkeypatch):
    jar = fresh_path / "javatuples.jar"  # there, whether or not this machine has it
    jar.touch()
    monkeypatch.setenv("CLASSPATH", str(jar))
    language = LANGUAGES[name]
    reason = f"{language.title}: {', '.join(language.commands)} not found; install: {language.install}"
    assert toolchains.missing_tools(name) == reason
    with pytest.raises(StageError, match="not found; install: "):
        toolchains.toolchain_environment(name)


def test_java_without_javatuples_is_absent(fresh_path, monkeypatch):
    monkeypatch.setenv("CLASSPATH", "/nowhere/javatuples-1.2.jar")
    for command in ("java", "javac"):
        executable(fresh_path / "bin" / command)
    assert toolchains.missing_tools("java") == (
        "Java: javatuples.jar not found; install: apt-get install default-jdk-headless libjavatuples-java"
    )


def test_a_launcher_is_followed_to_its_toolchain(fresh_path):
    executable(fresh_path / "rust/bin/rustc")
    executable(fresh_path / "bin/rustc", f"echo {fresh_path}/rust")
    executable(fresh_path / "bin/cc")
    (fresh_path / "rust/lib").mkdir()
    assert f"{fresh_path}/rust" in toolchains.toolchain_environment("rs").shown
    assert toolchains.toolchain_variables("rs") == {
        "PATH": f"{fresh_path}/rust/bin:{fresh_path}/bin:/usr/local/bin:/usr/bin:/bin",
        "LD_LIBRARY_PATH": f"{fresh_path}/rust/lib",
    }


def test_a_launcher_without_a_toolchain_is_absent(fresh_path):
    executable(fresh_path / "bin/rustc", "echo 'error: no default toolchain' >&2; exit 1")
    executable(fresh_path / "bin/cc")
    assert toolchains.missing_tools("rs") == (
        "Rust: rustc does not run: error: no default toolchain; install: apt-get install rustc"
    )


def test_no_home_folder_is_shown_for_an_executable_in_it(fresh_path):
    executable(fresh_path / "bin/node")
    shown = toolchains.toolchain_environment("js").shown
    assert f"{fresh_path}/bin/node" in shown
    assert str(fresh_path) not in shown
