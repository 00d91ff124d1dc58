# SPDX-License-Identifier: Apache-2.0
"""For tests/sim/mutations and tests/guard/mutations: replaces a text of a source that must be there exactly once. Blanks and
line breaks count as one blank, and none beside a brace, so that formatting the sources anew loses no mutation. Also gives the
folder in which they build and play."""

import contextlib
import os
import re
import shutil
import signal
import tempfile


@contextlib.contextmanager
def folder(prefix):
    """Nothing is left of it, nor of what the programs make in TMPDIR, though a mutated one ends in the middle, and though meson ends
    us with SIGTERM when the time is up."""
    with tempfile.TemporaryDirectory(prefix=prefix) as top:
        def end(number, _):
            shutil.rmtree(top, ignore_errors=True)
            os._exit(128 + number)

        signal.signal(signal.SIGTERM, end)
        os.environ["TMPDIR"] = top
        yield top


def pattern_of(text):
    words = re.split(r"(\s+|[{}])", text)
    parts = [re.escape(word) if not word.isspace() and word not in "{}" else
             r"\s+" if word.isspace() else r"\s*" + re.escape(word) + r"\s*" for word in words if word]
    return re.sub(r"(?:\\s[+*])*\\s\*(?:\\s[+*])*", lambda _: r"\s*", "".join(parts))


def replace_once(text, old, new, file):
    lead, tail = re.match(r"\s*", old).end(), len(old.rstrip())
    # What is blank at the two ends of the old text stands there also in the new one, and is left as it is.
    found = list(re.finditer(pattern_of(old[lead:tail]), text))
    if len(found) != 1:
        raise LookupError(f"{file} has {len(found)} times, not once, the text:\n{old}")
    return text[:found[0].start()] + new.strip() + text[found[0].end():]
