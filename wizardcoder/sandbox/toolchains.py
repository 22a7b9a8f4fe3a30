"""The compilers and runtimes of MultiPL-E's eight languages, as they are installed here.

In: the name of a language. Out: what of its toolchain is missing, where it lies, and what a sandbox must show for it.
Installs nothing, and runs no compiler but to ask for its folder.
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
from wizardcoder.sandbox.host import World

_JAVATUPLES = "/usr/share/java/javatuples.jar"  # Debian's place; all of MultiPL-E's Java problems import it
_PATH = "/usr/local/bin:/usr/bin:/bin"
_SYSTEM = (Path("/"), Path("/usr"), Path("/usr/local"))  # where libraries are found without being named


@dataclass(frozen=True, slots=True)
class Language:
    """One language and its toolchain.

    Attributes:
        name: MultiPL-E's.
        title: for prompts.
        commands: executables that must be on PATH.
        install: what to install.
        home: a command that prints the toolchain's folder, past a version manager's launcher (rustup, juliaup).
        settings: folders in /etc, as patterns.
        compile_s: wall time for the compiler, beyond the program's own. Ours: ten times what it took on two busy cores.
        toolchain_mb: resident memory for the compiler and the runtime, beyond the program's own. Ours: at least twice
            what MultiPL-E's programs took.
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


def absent(name: str) -> str | None:
    """Give what of a language's toolchain is missing and what to install, in one line; None where it is all there."""
    return tools_absent(LANGUAGES[name], beside=_libraries(name))


def world(name: str) -> World:
    """Give what a sandbox must show for a language's toolchain.

    Raises:
        StageError: the toolchain is not there.
    """
    return tools_world(LANGUAGES[name], beside=_libraries(name))


def environment(name: str) -> dict[str, str]:
    """Give variables by which a toolchain is found; its libraries too, since the loader looks itself up in /proc."""
    return tools_environment(LANGUAGES[name])


def tools_absent(language: Language, beside: tuple[Path, ...] = ()) -> str | None:
    """As `absent`, of any toolchain; `beside` are files that it needs."""
    missing = [command for command in language.commands if shutil.which(command) is None]
    missing += [path.stem.partition("-")[0] + path.suffix for path in beside if not path.is_file()]  # less its version
    try:
        if not missing:
            _executables(language)
            return None
    except StageError as exc:
        return str(exc)
    return f"{language.title}: {', '.join(missing)} not found; install: {language.install}"


def tools_world(language: Language, beside: tuple[Path, ...] = ()) -> World:
    """As `world`, of any toolchain; `beside` are files that it needs."""
    if (reason := tools_absent(language, beside)) is not None:
        raise StageError(reason)
    settings = [path for pattern in language.settings for path in Path("/etc").glob(pattern)]
    installed = {*map(_installation, _executables(language)), *beside}
    outside = [path for path in sorted(installed) if Path("/usr") not in (path, *path.parents)]
    return World(preload=(), shown=("/etc/alternatives", "/etc/ld.so.cache", *map(str, [*settings, *outside])))


def tools_environment(language: Language) -> dict[str, str]:
    """As `environment`, of any toolchain."""
    executables = _executables(language)
    roots = dict.fromkeys(executable.parents[1] for executable in executables)
    libraries = [str(root / "lib") for root in roots if root not in _SYSTEM and (root / "lib").is_dir()]
    paths = dict.fromkeys(str(executable.parent) for executable in executables)
    return {"PATH": ":".join([*paths, _PATH])} | ({"LD_LIBRARY_PATH": ":".join(libraries)} if libraries else {})


def _libraries(name: str) -> tuple[Path, ...]:
    return (Path(javatuples()),) if name == "java" else ()


@cache
def _executables(language: Language) -> tuple[Path, ...]:
    """Give a toolchain's executables themselves: no links, no launchers."""
    executables = [Path(path).resolve() for command in language.commands if (path := shutil.which(command))]
    if language.home:
        told = subprocess.run(language.home, capture_output=True, text=True, check=False, cwd="/")
        home = Path(told.stdout.strip())
        if told.returncode or not home.is_absolute():
            last = (told.stderr.strip() or "it names no folder").splitlines()[-1]
            raise StageError(f"{language.title}: {language.home[0]} does not run: {last}; install: {language.install}")
        executables[0] = home / "bin" / language.home[0]
    return tuple(executables)


def _installation(executable: Path) -> Path:
    """Give the folder of an executable's installation; the executable alone where that would show a home folder."""
    root = executable.parents[1]
    private = {Path.home(), Path.home() / ".local", *Path.home().parents}
    return executable if executable.parent.name != "bin" or root in private else root


def javatuples() -> str:
    """Give the path of the library that Java problems import: from CLASSPATH, else Debian's."""
    entries = os.environ.get("CLASSPATH", "").split(":")
    return next((entry for entry in entries if Path(entry).name.startswith("javatuples")), _JAVATUPLES)
