"""The compilers and runtimes of MultiPL-E's eight languages, as installed on this machine.

In: the name of a language. Out: which part of its toolchain is missing, where it is installed, and what a sandbox must
show for it. Installs nothing, and runs a compiler only to ask for its folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from wizardcoder.core.console import StageError
from wizardcoder.sandbox.environments import Environment

_JAVATUPLES = "/usr/share/java/javatuples.jar"  # where Debian installs it; all of MultiPL-E's Java problems import it
_PATH = "/usr/local/bin:/usr/bin:/bin"
_SYSTEM = (Path("/"), Path("/usr"), Path("/usr/local"))  # libraries here are found without LD_LIBRARY_PATH


@dataclass(frozen=True, slots=True)
class Language:
    """One language and its toolchain.

    Attributes:
        name: MultiPL-E's name.
        title: its name in prompts.
        commands: executables that must be on PATH.
        install: how to install it.
        home: a command that prints the toolchain's folder, past a version manager's launcher (rustup, juliaup).
        settings: folders in /etc, as patterns.
        compile_s: wall time of the compiler, in addition to the program's own. Ours: ten times that on two busy cores.
        toolchain_mb: resident memory of the compiler and the runtime, in addition to the program's own. Ours: at least
            twice what MultiPL-E's programs took.
        reserves: it reserves far more address space than it uses, so that only resident memory is limited.
    """

    name: str
    title: str
    commands: tuple[str, ...]
    install: str
    home: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    compile_s: float = 0
    toolchain_mb: int = 128
    reserves: bool = False


LANGUAGES: Mapping[str, Language] = {
    language.name: language
    for language in (
        Language(
            "java",
            "Java",
            ("java", "javac"),
            "apt-get install default-jdk-headless libjavatuples-java",
            settings=("java-*",),
            compile_s=30,
            toolchain_mb=512,
            reserves=True,
        ),
        Language("js", "JavaScript", ("node",), "apt-get install nodejs", toolchain_mb=256, reserves=True),
        Language("cpp", "C++", ("g++",), "apt-get install g++", compile_s=30, toolchain_mb=768),
        Language("php", "PHP", ("php",), "apt-get install php-cli", settings=("php",)),
        Language("r", "R", ("Rscript",), "apt-get install r-base-core", settings=("R",), toolchain_mb=256),
        Language(
            "jl",
            "Julia",
            ("julia",),
            "Julia from julialang.org, with its bin folder on PATH (Debian has none)",
            home=("julia", "--startup-file=no", "-e", "print(dirname(Sys.BINDIR))"),
            settings=("julia",),
            toolchain_mb=512,
            reserves=True,
        ),
        Language(
            "swift",
            "Swift",
            ("swiftc",),
            "apt-get install swiftlang (from Debian 13 on), or Swift from swift.org with its usr/bin folder on PATH",
            compile_s=60,
            toolchain_mb=768,
            reserves=True,
        ),
        Language(
            "rs",
            "Rust",
            ("rustc", "cc"),
            "apt-get install rustc",
            home=("rustc", "--print", "sysroot"),
            compile_s=30,
            toolchain_mb=768,
            reserves=True,
        ),
    )
}


def missing_tools(name: str) -> str | None:
    """Return, on one line, which part of a language's toolchain is missing and how to install it; None if none is."""
    return missing_tools_of(LANGUAGES[name], extra_files=_libraries(name))


def toolchain_environment(name: str) -> Environment:
    """Return what a sandbox must show for a language's toolchain.

    Raises:
        StageError: the toolchain is missing.
    """
    return environment_of(LANGUAGES[name], extra_files=_libraries(name))


def toolchain_variables(name: str) -> dict[str, str]:
    """Return environment variables by which a toolchain is found, and its libraries: the loader looks in /proc."""
    return variables_of(LANGUAGES[name])


def missing_tools_of(language: Language, extra_files: tuple[Path, ...] = ()) -> str | None:
    """As `missing_tools`, of any toolchain that also needs `extra_files`."""
    missing = [command for command in language.commands if shutil.which(command) is None]
    # a library's file name without its version
    missing += [path.stem.partition("-")[0] + path.suffix for path in extra_files if not path.is_file()]
    try:
        if not missing:
            _executables(language)
            return None
    except StageError as exc:
        return str(exc)
    return f"{language.title}: {', '.join(missing)} not found; install: {language.install}"


def environment_of(language: Language, extra_files: tuple[Path, ...] = ()) -> Environment:
    """As `toolchain_environment`, of any toolchain that also needs `extra_files`."""
    if (reason := missing_tools_of(language, extra_files)) is not None:
        raise StageError(reason)
    settings = [path for pattern in language.settings for path in Path("/etc").glob(pattern)]
    installed = {*map(_installation, _executables(language)), *extra_files}
    outside = [path for path in sorted(installed) if Path("/usr") not in (path, *path.parents)]
    return Environment(preload=(), shown=("/etc/alternatives", "/etc/ld.so.cache", *map(str, [*settings, *outside])))


def variables_of(language: Language) -> dict[str, str]:
    """As `toolchain_variables`, of any toolchain."""
    executables = _executables(language)
    roots = dict.fromkeys(executable.parents[1] for executable in executables)
    libraries = [str(root / "lib") for root in roots if root not in _SYSTEM and (root / "lib").is_dir()]
    paths = dict.fromkeys(str(executable.parent) for executable in executables)
    return {"PATH": ":".join([*paths, _PATH])} | ({"LD_LIBRARY_PATH": ":".join(libraries)} if libraries else {})


def javatuples() -> str:
    """Return the path of the library that Java problems import: from CLASSPATH, else Debian's."""
    entries = os.environ.get("CLASSPATH", "").split(":")
    return next((entry for entry in entries if Path(entry).name.startswith("javatuples")), _JAVATUPLES)


def _libraries(name: str) -> tuple[Path, ...]:
    return (Path(javatuples()),) if name == "java" else ()


@cache
def _executables(language: Language) -> tuple[Path, ...]:
    """Return a toolchain's executables themselves, not links or launchers."""
    executables = [Path(path).resolve() for command in language.commands if (path := shutil.which(command))]
    if language.home:
        completed = subprocess.run(language.home, capture_output=True, text=True, check=False, cwd="/")
        home = Path(completed.stdout.strip())
        if completed.returncode or not home.is_absolute():
            last = (completed.stderr.strip() or "it prints no folder").splitlines()[-1]
            raise StageError(f"{language.title}: {language.home[0]} does not run: {last}; install: {language.install}")
        executables[0] = home / "bin" / language.home[0]
    return tuple(executables)


def _installation(executable: Path) -> Path:
    """Return the folder of an executable's installation; the executable alone if that would show a home folder."""
    root = executable.parents[1]
    private = {Path.home(), Path.home() / ".local", *Path.home().parents}
    return executable if executable.parent.name != "bin" or root in private else root
