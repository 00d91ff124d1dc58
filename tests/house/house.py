# SPDX-License-Identifier: Apache-2.0
"""The rules of the house (docs/architecture.md), as functions of a tree: each returns its breaches, a line each."""

import os
import re

# What a layer may include of the project, besides itself. A name with a file in it allows that file alone.
LAYERS = {
    "util": set(),
    "core": {"util"},
    "conf": {"core", "util"},
    "registry": {"core/record.h", "util"},
    "pid1": {"util"},
    "guard": {"util"},
    "address": {"guard/alarm.h", "guard/gate.h", "util"},
    "run": {"util"},
    "daemon": {"core", "conf", "registry", "pid1", "util", "guard/protocol.h"},
    "ctl": {"conf", "core", "util", "run/protocol.h"},
}

# What it may include of the system besides the C library and the kernel's headers.
LIBRARIES = {
    "util": {"uthash.h"},
    "core": {"uthash.h"},
    "conf": {"uthash.h", "systemd/sd-id128.h"},
    "registry": {"uthash.h", "systemd/sd-event.h", "systemd/sd-id128.h", "curl/curl.h", "jansson.h", "sqlite3.h"},
    "pid1": {"uthash.h", "systemd/sd-bus.h", "systemd/sd-event.h", "systemd/sd-id128.h"},
    "guard": {"uthash.h", "systemd/sd-bus.h", "systemd/sd-event.h", "systemd/sd-daemon.h", "systemd/sd-id128.h"},
    "address": set(),
    "run": set(),
    "daemon": {"uthash.h", "systemd/sd-bus.h", "systemd/sd-event.h", "systemd/sd-daemon.h", "systemd/sd-id128.h",
               "systemd/sd-login.h", "jansson.h"},
    "ctl": {"uthash.h", "systemd/sd-bus.h", "systemd/sd-id128.h", "systemd/sd-journal.h", "jansson.h",
            "gcrypt.h"},
}
GUARDED_LIBRARIES = re.compile(r"^(systemd/|curl/|jansson|sqlite|uthash|openssl/|gcrypt|glib)")

# The core takes time as an argument and calls nothing that talks to the world. What it takes for granted it looks at in every
# build: must(), and not assert().
CORE_HEADERS = {"ctype.h", "errno.h", "fnmatch.h", "inttypes.h", "limits.h", "stdalign.h", "stdbool.h",
                "stddef.h", "stdint.h", "stdlib.h", "string.h", "uthash.h"}
CORE_UTIL = {"util/macros.h", "util/hash.h", "util/must.h", "util/time-util.h"}
CORE_CALLS = re.compile(r"\b(now_\w+|clock_gettime|gettimeofday|time|rand|random|getrandom|printf|fprintf|puts|log_\w+|open|"
                        r"read|write|getenv|exit)\s*\(")

MAX_LINES = 700
MAX_FIELDS, MAX_BOOLEANS = 30, 5
NO_BLOCKING_BUS = {"pid1", "daemon", "registry", "guard"}
BLOCKING_BUS = re.compile(r"\bsd_bus_(call|call_method|get_property\w*|set_property\w*|request_name|add_match|"
                          r"match_signal|query_sender_privilege|get_owner\w*)\s*\(|\bsd_(notify\w*|pid_notify\w*|"
                          r"journal_\w+|bus_flush\w*)\s*\(|\bv?syslog\s*\(")
# Text of others goes to a terminal through src/ctl/say.c alone, to the log through src/util/log.c; what stands in the
# source is nobody else's. (leased --check prints names and values that the parser has let through.)
PRINTING = {"ctl": {"src/ctl/say.c"}, "daemon": {"src/daemon/main.c"}, "guard": set(), "address": set(), "run": set(), "registry": set(), "pid1": set(),
            "util": set()}
PRINTS = re.compile(r'\b(v?printf|puts|putchar|perror|psignal|json_dumpf|v?dprintf)\s*\(|'
                    r'\b(v?fprintf|fputs|fputc|putc|fwrite)\s*\([^;]*\b(stdout|stderr)\b')
LITERAL = re.compile(r'\b(puts|printf)\s*\(\s*(("[^"]*"|LEASED_VERSION|PRIu64)\s*)*\)')
# Whatever locks a file, of whichever kind.
LOCKING = re.compile(r"\b(flock|lockf)\s*\(|\bF_(?:OFD_)?SETLKW?\b")
# Time may pass between two looks at a state that is waited for with a deadline: sleep(POLL), of whatever unit.
# Whatever takes a name of a unit apart at its "@".
PARTING = re.compile(r"""\bstr\w*chr\w*\s*\([^;]*'@'|\bstr(?:str|cspn|spn|pbrk)\s*\([^;]*"[^"]*@|%\.?\*?s@""")
PARTING_ALLOWED = {
    "src/util/unit-name.c",
    "src/conf/unit-name.c",          # puts names together
    "src/registry/etcd/endpoint.c",  # a user in a URL
    "src/conf/leased-conf.c",        # likewise
}

SLEEP = re.compile(r"\b(u|nano|clock_nano|time\.)?sleep\s*\((?!\s*POLL)")
# The one that is a metronome by trade.
MAY_SLEEP = {"tests/hosts/stamper.c"}
FORBIDDEN_PATHS = re.compile(r"/" + r"work/|/" + r"root/|/" + r"home/[a-z]")
LOOSE_ENDS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
SOURCES = (".c", ".h", ".py", ".build", ".xml", ".md", ".service", ".conf", ".policy", "")


def files_below(root, *directories):
    """Paths relative to root, sorted, without what builds leave behind."""
    found = []
    for directory in directories:
        for parent, children, names in os.walk(os.path.join(root, directory)):
            children[:] = [each for each in children if not each.startswith(("build", ".git", "__pycache__"))]
            found += [os.path.relpath(os.path.join(parent, name), root) for name in names
                      if os.path.splitext(name)[1] in SOURCES]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def without_comments(text):
    """C without comments and string contents, line by line as before."""
    def blank(match):
        return '""' if match.group(0)[0] == '"' else "\n" * match.group(0).count("\n")

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def c_files(root, *directories):
    return [path for path in files_below(root, *directories) if path.endswith((".c", ".h"))]


def layer_of(path):
    words = path.split("/")
    return words[1] if len(words) > 2 and words[0] == "src" else None


def include_breaches(root):
    breaches = []
    for path in c_files(root, "src"):
        layer = layer_of(path)
        if layer not in LAYERS:
            breaches.append(f"{path}: in no layer of the house")
            continue
        for kind, name in INCLUDE.findall(read(root, path)):
            if kind == '"':
                target = name.split("/")[0]
                if "/" not in name:
                    breaches.append(f'{path}: "{name}" does not name its layer')
                elif target != layer and target not in LAYERS[layer] and name not in LAYERS[layer]:
                    breaches.append(f"{path}: {layer} may not include {name}")
                elif target == layer and not os.path.exists(os.path.join(root, "src", name)):
                    breaches.append(f"{path}: there is no {name}")
            elif GUARDED_LIBRARIES.match(name) and name not in LIBRARIES[layer]:
                breaches.append(f"{path}: {layer} may not use <{name}>")
    return breaches


def core_breaches(root):
    breaches = []
    for path in c_files(root, "src/core"):
        text = read(root, path)
        for kind, name in INCLUDE.findall(text):
            if kind == "<" and name not in CORE_HEADERS:
                breaches.append(f"{path}: the core may not include <{name}>")
            if kind == '"' and name.startswith("util/") and name not in CORE_UTIL:
                breaches.append(f"{path}: the core may not include {name}")
        for match in CORE_CALLS.finditer(without_comments(text)):
            breaches.append(f"{path}: the core may not call {match.group(1)}()")
    return breaches


def blocking_breaches(root):
    return [f"{path}: {match.group(0)[:-1]}() blocks" for layer in sorted(NO_BLOCKING_BUS)
            for path in c_files(root, f"src/{layer}")
            for match in BLOCKING_BUS.finditer(without_comments(read(root, path)))]


def printing_breaches(root):
    breaches = []
    for layer, allowed in sorted(PRINTING.items()):
        for path in c_files(root, f"src/{layer}"):
            text = LITERAL.sub("", without_comments(read(root, path)))
            breaches += [f"{path}: {(match.group(1) or match.group(2))}() goes around src/ctl/say.c or src/util/log.c"
                         for match in PRINTS.finditer(text) if path not in allowed]
    return breaches


def lock_breaches(root):
    """Locks are taken in one place, which knows that whoever can open a file can hold its lock."""
    return [f"{path}: {match.group(1) or match.group(0)} outside of src/util/lock-file.c" for path in c_files(root, "src")
            if path != "src/util/lock-file.c" for match in LOCKING.finditer(without_comments(read(root, path)))]


def description_breaches(root):
    """PID 1 writes the description of a transient unit into the unit's file as it stands: a line break in it begins another setting."""
    return [f"{path}: a description that does not go through bus_append_description()" for path in c_files(root, "src")
            if path != "src/daemon/bus-util.c" and '"Description"' in re.sub(r"/\*.*?\*/", "", read(root, path), flags=re.DOTALL)]


def name_breaches(root):
    """What a template is, and whose instance a name is of, is known in one place."""
    return [f"{path}: {match.group(0)}: names of units are taken apart in src/util/unit-name.c" for path in c_files(root, "src")
            if path not in PARTING_ALLOWED
            for match in PARTING.finditer(re.sub(r"/\*.*?\*/", "", read(root, path), flags=re.DOTALL))]


def sleep_breaches(root):
    breaches = []
    for path in files_below(root, "tests"):
        if path in MAY_SLEEP or path.startswith("tests/house/") or not path.endswith((".c", ".h", ".py")):
            continue
        text = read(root, path)
        text = without_comments(text) if not path.endswith(".py") else text
        breaches += [f"{path}: {match.group(0)[:-1]}()" for match in SLEEP.finditer(text)]
    return breaches


def length_breaches(root):
    return [f"{path}: {lines} lines, at most {MAX_LINES}" for path in c_files(root, "src", "tests")
            for lines in [read(root, path).count("\n")] if lines > MAX_LINES]


def structs_of(text):
    """Each struct of a file: (name, fields, booleans, the comment right above it)."""
    for match in re.finditer(r"((?:/\*(?:(?!\*/).)*\*/\n)?)^(?:typedef )?struct (\w*) ?\{\n(.*?)^\}", text, re.M | re.S):
        fields = booleans = 0
        for statement in without_comments(match.group(3)).split(";"):
            words = re.sub(r"[(\[{][^)\]}]*[)\]}]", "", statement).strip(" \n}")
            if words:
                n = 1 + words.count(",")
                fields += n
                booleans += n if words.startswith("bool ") else 0
        yield match.group(2), fields, booleans, match.group(1)


def suitcase_breaches(root):
    """A struct that has become a suitcase. Its comment may say why it has so many fields, or booleans."""
    breaches = []
    for path in c_files(root, "src"):
        for name, fields, booleans, comment in structs_of(read(root, path)):
            if fields > MAX_FIELDS and "fields" not in comment:
                breaches.append(f"{path}: struct {name} has {fields} fields, and its comment does not say why")
            if booleans > MAX_BOOLEANS and "booleans" not in comment:
                breaches.append(f"{path}: struct {name} has {booleans} booleans, and its comment does not say why")
    return breaches


def law_breaches(root):
    """Laws of docs/safety.md that no line of the sources names ("law 4", where it is kept), or that docs/laws.md has in other words."""
    sentences = re.findall(r"^\*\*(\d+)\. (.*?)\*\*", read(root, "docs/safety.md"), re.M | re.S)
    laws = [number for number, _ in sentences]
    in_full = " ".join(read(root, "docs/laws.md").split())
    sources = "\n".join(read(root, path) for path in c_files(root, "src"))
    named = set()
    for numbers in re.findall(r"\blaws? (\d+(?:(?:, | and )\d+)*)", sources, re.I):
        named |= set(re.findall(r"\d+", numbers))
    return [f"docs/safety.md: law {law} is named nowhere in src" for law in laws if law not in named] + \
        [f"src: law {law} is none of docs/safety.md" for law in sorted(named - set(laws))] + \
        [f"docs/laws.md: law {law} does not begin as in docs/safety.md" for law, sentence in sentences
         if f"### Law {law} **{' '.join(sentence.split())}**" not in in_full]


def trace_breaches(root):
    """Paths of one developer's machine, and loose ends."""
    breaches = []
    not_ours = ("LICENSE", ".git")  # in a second worktree, .git is a file
    top = [name for name in os.listdir(root) if os.path.isfile(os.path.join(root, name)) and name not in not_ours]
    for path in files_below(root, "src", "units", "dbus", "docs", "tests", ".ci") + sorted(top):
        text = read(root, path)
        breaches += [f"{path}: {match.group(0)}" for match in FORBIDDEN_PATHS.finditer(text)]
        breaches += [f"{path}: {match.group(0)}" for match in LOOSE_ENDS.finditer(text)]
    return breaches


def license_breaches(root):
    return [f"{path}: no SPDX line" for path in c_files(root, "src", "tests")
            if "SPDX-License-Identifier: Apache-2.0" not in read(root, path)[:200]]
