"""Detect the programming language of a piece of code.

In: code and its instruction. Out: a language's name, or None. Counts signs (regular expressions that are typical of one
language) and the languages that the instruction names. The result is a guess: a line such as `x = [1, 2]` is valid in
many languages; if the instruction names none of them it counts as Python, the language of the benchmarks.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping

_NAMED_WEIGHT = 2  # of a language that the instruction names, in signs; three signs of another language outweigh it
_SIGNLESS_WEIGHT = 1.5  # of a named language without any sign: more than a single stray sign
_READ = 20_000  # characters; long runs of blanks are cut, since a degenerate answer may consist of them
_RUN = re.compile(r"\s{60,}")
_MARKS = re.compile(r"[{};=]|\)\s*$", re.MULTILINE)

TAGS: Mapping[str, str] = {
    "py": "python",
    "python3": "python",
    "pycon": "python",
    "js": "javascript",
    "jsx": "javascript",
    "node": "javascript",
    "ts": "typescript",
    "tsx": "typescript",
    "c++": "cpp",
    "cc": "cpp",
    "c#": "csharp",
    "cs": "csharp",
    "sh": "bash",
    "shell": "bash",
    "zsh": "bash",
    "console": "bash",
    "golang": "go",
    "rs": "rust",
    "rb": "ruby",
    "pl": "perl",
    "kt": "kotlin",
    "jl": "julia",
    "yml": "yaml",
    "ps1": "powershell",
    "mysql": "sql",
    "postgresql": "sql",
    "postgres": "sql",
    "sqlite": "sql",
    "tsql": "sql",
    "plsql": "sql",
    "svg": "xml",
}
"""Other names of languages after a fence."""

# whole lines where possible, since single words also occur in prose
_SIGNS: Mapping[str, tuple[str, ...]] = {
    "python": (
        r"^\s*(async )?def \w+\(.*\)\s*(->.*)?:",
        r"^\s*(from [\w.]+ )?import [\w.*]+( as \w+)?(, *\w+)*\s*$",
        r"^\s*(class \w+(\(.*\))?|if .*|elif .*|else|for .+ in .+|while .*|try|except.*|with .* as \w+):\s*(#.*)?$",
        r"\bprint\(|\blen\(|\brange\(|\bself\.|\bNone\b|\bTrue\b|\bFalse\b|__\w+__",
        r"[\[(].+ for \w+(, *\w+)* in .+[\])]|\blambda \w+(, *\w+)*:",
        r"^\s*[\w., ]+ [+*-]?= (?!new )[^;]*[^;\s]\s*$|^\s*del \w",
        r"^\s*# ",
    ),
    "javascript": (
        r"\b(const|let|var) [\w{\[][\w ,{}\[\]]*\s*(=|;|$)",
        r"\bfunction\b\s*\w*\s*\(|=>\s*[\w({\[]",
        r"\bconsole\.\w+\(|\bdocument\.|\bwindow\.|\brequire\(|\$\(['\"]|\bmodule\.exports\b",
        r"===|!==|\bMath\.\w|\bnew (Promise|Date|Map|Set|Array)\b|\bJSON\.",
        r"^\s*(import .* from ['\"]|export (default|const|function))",
        r"\(let \w+|\.(forEach|addEventListener|then|innerHTML)\b",
        r"\bconstructor\(|^db\.\w+",
    ),
    "typescript": (
        r"^\s*interface \w+ \{",
        r"\b(const|let|var) \w+: *[\w<>\[\]|]+ *=",
        r"\(\w+\??: *(string|number|boolean|any|[A-Z]\w*)(\[\])?[,)]",
        r"\): *(string|number|boolean|void|any)(\[\])? *(\{|=>)",
    ),
    "java": (
        r"\bpublic (static |abstract |final )*(class|interface|void|int|boolean|double|float|long|[A-Z]\w*(<.*>)?) ",
        r"\bSystem\.(out|in|err)\b",
        r"^\s*import java[\w.]*",
        r"\b(private|protected) (static |final )*[\w<>\[\]]+ \w+",
        r"\b(String|int|double|boolean|char|long)(\[\])* \w+(\[\])?\s*(=|;|,|\)|:)",
        r"\b(Array)?List<\w+>|\bHashMap<|\bnew [A-Z]\w*(<.*>)?\(|\bextends [A-Z]|@Override",
    ),
    "csharp": (
        r"^\s*using [\w.]+;",
        r"\bConsole\.(Write|Read)",
        r"^\s*namespace [\w.]+",
        r"\b(public|private|static|protected) .*\b(string|bool|var|void|int|class|decimal)\b",
        r"\bstring\b \w+|\bforeach ?\(|\{ ?get; ?(set;)? ?\}",
        r"\bfrom \w+ in \w+[\s\S]*\bselect \w+|\.(Where|Select|ToList|OrderBy|Any)\(",
        r"\bvar \w+ = (new|from) \w+",
    ),
    "cpp": (
        r"^\s*#include\s*<\w+>\s*$",
        r"\bstd::|^\s*using namespace ",
        r"\bcout\b|\bcin\b|\bendl\b",
        r"\bvector<|\btemplate ?<|\bnullptr\b|\bunordered_map<|\bstring \w+",
        r"\b(int|void|bool|float|double|char|auto) \w+ ?\(.*\)\s*\{?\s*$",
        r"\b(int|void|bool|float|double|char|auto|long) [*&]?\w+(\[.*\])?\s*(=|;|,)",
        r"^\s*(public|private|protected):\s*$",
    ),
    "c": (
        r"^\s*#include\s*<\w+\.h>\s*$|^\s*#define ",
        r"\b(printf|scanf|malloc|sizeof|free|strlen|strcpy)\s*\(",
        r"\bstruct \w+\s*(\{|\*)|\btypedef\b",
        r"\b(int|void|float|double|char) \*?\w+ ?\(.*\)\s*\{?\s*$",
        r"\b(int|void|float|double|char|long) \*?\w+(\[.*\])?\s*(=|;|,)",
    ),
    "php": (
        r"<\?(php|=)",
        r"\$\w+\s*(=|->|\[)|\$\w+;|\$this->",
        r"\becho\b .*;|\bfunction \w+\(\$|\bforeach ?\(\$\w+ as ",
        r"\b(isset|array|count|mysqli_\w+)\(",
    ),
    "ruby": (
        r"^\s*end\s*$",
        r"^\s*def [\w.?!]+(\(.*\))?\s*$",
        r"\bputs\b|\battr_(accessor|reader|writer)\b|\brequire ['\"]",
        r"\bdo \|.*\||\.each\b|\{ ?\|\w+(, *\w+)*\||\.(map|select|sort_by)\s*(\{|&)|\bnil\b",
        r"^\s*(elsif|unless|module)\b|@\w+ = ",
    ),
    "go": (
        r"^package \w+\s*$",
        r"^\s*func (\(\w+ \*?\w+\) )?\w+\(.*\{\s*$",
        r"\w+ := |\bfmt\.",
        r"^\s*type \w+ (struct|interface) ?\{",
    ),
    "rust": (
        r"^\s*(pub )?fn \w+.*\{",
        r"\blet mut \w+|\bprintln!\(|\bvec!\[|\bimpl\b|&str\b|&mut\b",
        r"^\s*use [\w:]+(::\{.*\})?;|\bmatch \w+ \{",
        r"\) -> [\w<>&]+ \{|: (i32|u32|i64|u64|usize|f64)\b",
    ),
    "swift": (
        r"^\s*func \w+\(.*\)( -> .*)? \{",
        r"\b(let|var) \w+(: ?[\w\[\]:?<> ]+)? = ",
        r"^\s*import (UIKit|Foundation|SwiftUI)",
        r"\boverride func\b|\binit\(.*\) \{",
        r"\bguard let\b|\bif let\b|: (Int|String|Double|Bool)\b",
    ),
    "kotlin": (
        r"\bfun \w*\(.*\)",
        r"\bval \w+(: ?\w+)? = |\bprintln\(",
        r": (Int|String|Double|Boolean)\b|\bdata class\b|\b(listOf|mapOf|arrayOf)\(",
    ),
    "r": (
        r"^\s*[\w.]+ ?<- ",
        r"\bfunction\(.*\) ?\{?|\bc\(|\bdata\.frame\(|\blibrary\(\w+\)|%>%|\bpaste0?\(",
    ),
    "perl": (
        r"^\s*use (strict|warnings);",
        r"\bmy [$@%(]",
        r"=~ ?[ms]?/|\bforeach my\b|\bqw\(",
        r"^\s*sub \w+ \{|^\s*[%@]\w+ = ",
    ),
    "bash": (
        r"^#!.*\b(ba|z|k)?sh\b",
        r"^\s*(sudo|echo|ls|cd|grep|awk|sed|find|mkdir|rm|cp|mv|chmod|curl|wget|git|npm|pip|tar|cat|docker) [^=(]*$",
        r"^\s*(fi|done|esac)\s*$|; ?(then|do)\s*$|\[\[? .* \]\]?",
        r"\$\(.+\)|\$\{?\w+\}?|^\s*\w+=\S+$",
        r"\| ?(grep|awk|sed|sort|wc|head|xargs)\b",
    ),
    "sql": (
        r"(?i)^\s*(select\b.*|insert into \w+.*|update [\w.`\[\]]+( set.*)?|delete from .*|with \w+ as \(.*)$",
        r"(?i)^\s*(create|alter|drop|truncate) (or replace )?(temp\w* |unique )?(table|view|index|procedure|function"
        r"|trigger|database|user)\b",
        r"(?i)^\s*(from|where|group by|order by|(inner |left |right )?join|set|values|having|limit)\b",
        r"(?i)\bselect\b[\s\S]+\bfrom\b|\binsert into\b[\s\S]+\bvalues\b|\bvarchar\(\d+\)|\bcount\(\*\)",
    ),
    "html": (
        r"(?i)<!doctype html|<html|<head>|<body",
        r"(?i)^\s*<(div|p|form|input|table|ul|ol|li|h\d|a|img|button|span|select|nav|label|script|style|section|title)"
        r"[\s>/]",
        r"(?i)</(div|p|form|table|ul|ol|html|body|a|button|select|h\d|span|label)>",
        r"(?i)^\s*<\w+",
    ),
    "xml": (r"<\?xml", r"^\s*<(\w+)( [\w:]+=\".*\")*>\s*$", r"\bxmlns[:=]"),
    "css": (
        r"^\s*[.#@:*]?[\w-][\w\s.#:>,*()-]*\{\s*$",
        r"^\s*[a-z-]+\s*:\s*[^;{}()]+(\(.*\))?[^;{}]*;\s*$",
        r"\b\d+(px|em|rem|vh|%)|#[0-9a-fA-F]{3,6}\b|\b(color|margin|padding|display|font-size|background)\b",
    ),
    "json": (r'^\s*[{\[]?\s*"\w+"\s*:',),
    "yaml": (r"^---\s*$", r"^\s*- \w+:", r"^\w+:\s*\n\s+\w+:"),
    "latex": (r"\\(begin|documentclass|usepackage|section|frac)\b",),
    "scala": (r"\bdef \w+.*= ?\{?\s*$", r"\bobject \w+|\bval \w+", r"\bprintln\("),
    "lua": (r"\blocal \w+", r"\bthen\s*$", r"^\s*end\s*$"),
    "julia": (r"^\s*function \w+\(.*\)\s*$", r"^\s*end\s*$", r"\bprintln\("),
    "matlab": (r"^\s*function .*=.*\(", r"\bdisp\(|\bfprintf\(|^\s*%", r"^\s*end\s*$"),
    "powershell": (r"\b(Get|Set|New|Remove|Write)-\w+", r"^\s*\$\w+ = "),
    "assembly": (r"(?i)^\s*(mov|push|pop|jmp|int|call|cmp)\s+\w+", r"(?i)^section \.(text|data)"),
}
# words by which an instruction names a language; by default the language's own name
_NAMES: Mapping[str, str] = {
    "javascript": r"java ?script|js|node(\.?js)?|react(\.?js)?|jquery|vue(\.?js)?|express(\.?js)?|angular",
    "python": r"python\d?|django|flask|numpy|pandas|py",
    "java": r"java(?! ?script)",
    "csharp": r"c#|c sharp|\.net|linq|asp\.net",
    "cpp": r"c\+\+|cpp",
    "c": r"(?<!objective-)(?<!objective )c(?= (program|code|function|language|programming|struct))|in c\b(?![+#])",
    "go": r"golang|go (program|code|function|lang\w*|script|struct)|in go\b",
    "r": r"r (program|code|function|script|language)|in r\b",
    "bash": r"bash|shell|unix command|linux command|command line",
    "sql": r"\w*sql\w*|sql\w*|database query",
    "css": r"css\d?",
    "html": r"html\d?",
    "latex": r"latex",
    "typescript": r"type ?script|angular",
    "assembly": r"assembly|nasm|x86",
    "ruby": r"ruby|rails",
    "swift": r"swift|ios app",
}
# languages without signs here: the answer to an instruction that names one of them is in that language
_OTHERS = (
    *("ada", "applescript", "arduino", "autohotkey", "awk", "clojure", "cobol", "dart", "delphi", "elixir", "erlang"),
    *(
        "excel",
        "f#",
        "fortran",
        "graphql",
        "groovy",
        "haskell",
        "lisp",
        "objective-c",
        "pascal",
        "prolog",
        "pseudocode",
    ),
    *("regex", "scheme", "solidity", "vba", "verilog", "vhdl", "visual basic"),
)
LANGUAGES = (*_SIGNS, *(name.replace(" ", "-") for name in _OTHERS))
_COMPILED = {name: tuple(re.compile(sign, re.MULTILINE) for sign in signs) for name, signs in _SIGNS.items()}
_NAMED = {
    name: re.compile(rf"(?<![\w.#+])({_NAMES.get(name, re.escape(name))})(?![\w+#])", re.IGNORECASE) for name in _SIGNS
}
_OTHER = re.compile(rf"(?<![\w.#+])({'|'.join(map(re.escape, _OTHERS))})(?![\w+#])", re.IGNORECASE)


def parse_tag(tag: str) -> str | None:
    """Return the language that a fence's tag names, None if it names no known language."""
    name = TAGS.get(tag.lower(), tag.lower())
    return name if name in LANGUAGES else None


def detect_language(code: str, instruction: str) -> str | None:
    """Return the language with the most signs; None if there is no sign of any, as in prose or plain data."""
    code = _RUN.sub("\n", code)[:_READ]
    scores: dict[str, float] = {
        name: sum(sign.search(code) is not None for sign in signs) for name, signs in _COMPILED.items()
    }
    scores["json"] = 9 * (scores["json"] and _is_json(code))
    best = max(scores.values())
    if best == 0:
        return None
    named = {name for name in _SIGNS if _NAMED[name].search(instruction)}
    if not named and (other := _OTHER.search(instruction)):
        return other[1].lower().replace(" ", "-")
    if best == 1 and scores["python"] and not named and not _is_python(code):
        return None  # such as `speed = 60 km/h`
    weighed = {name: score + _NAMED_WEIGHT * (name in named) for name, score in scores.items() if score}
    if not named & weighed.keys() and _MARKS.search(code):  # such as `if (x) {`, typical of no language
        weighed |= dict.fromkeys(sorted(named), _SIGNLESS_WEIGHT)
    return max(weighed, key=lambda name: weighed[name])  # of equal ones the first in the table


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False
