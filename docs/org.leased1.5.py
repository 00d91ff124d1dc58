#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the manual page org.leased1(5), made of the interfaces and their comments in dbus/.

    org.leased1.5.py VERSION FILE.xml...
"""

import re
import sys
import xml.etree.ElementTree as tree

HEAD = r"""'\" t
.\" SPDX-License-Identifier: Apache-2.0
.\" Made by docs/org.leased1.5.py of the files in dbus/.
.TH ORG.LEASED1 5 "" "leased {version}" "leased"
.SH NAME
org.leased1 \- the D\-Bus API of leased
.SH SYNOPSIS
.nf
busctl introspect org.leased1 /org/leased1
busctl call org.leased1 /org/leased1 org.leased1.Manager GetLease s NAME
.fi
.SH DESCRIPTION
leased owns the name
.B org.leased1
on the system bus. Its objects have the interfaces that are described below. A letter behind an argument or a property is
its type on D\-Bus; "in" arguments are given by the caller, "out" arguments are the answer.
"""
TAIL = r"""
.SH "SEE ALSO"
.BR leased (8),
.BR leasectl (1),
.BR leased\-reasons (7),
.BR busctl (1)
"""


def paragraph(words):
    """Returns words of the XML as lines of troff."""
    lines = re.sub(r"\s*\n\s*", "\n", words.strip()).replace("\\", "\\e").replace("-", "\\-")
    lines = re.sub(r"[^\0-~]", lambda letter: f"\\[u{ord(letter.group()):04X}]", lines)
    return re.sub(r"^([.'])", r"\\&\1", lines, flags=re.MULTILINE)


def text(comment, between=".PP"):
    """Returns a comment of the XML as troff, with the macro `between` between its paragraphs."""
    return f"\n{between}\n".join(map(paragraph, re.split(r"\n\s*\n", comment.strip())))


def signature(member):
    if member.tag == "property":
        return f"{member.get('name')} {member.get('type')}"
    sides = {"in": [], "out": []}
    for argument in member.findall("arg"):
        side = argument.get("direction") or ("in" if member.tag == "method" else "out")
        sides[side].append(f"{argument.get('type')} {argument.get('name')}")
    answer = f" -> ({', '.join(sides['out'])})" if sides["out"] and member.tag == "method" else ""
    given = sides["in"] if member.tag == "method" else sides["out"]
    return f"{member.get('name')}({', '.join(given)}){answer}"


def members(interface):
    """Yields each member with the comments right before it. "": the comment of the member above is about both."""
    comment = ""
    for child in interface:
        if child.tag is tree.Comment:
            comment += "\n\n" + child.text
        elif child.tag in ("method", "signal", "property"):
            yield child, comment
            comment = ""


def describe(interface, intro):
    print(f'.SH "INTERFACE {interface.get("name")}"')
    print(text(intro))
    found = list(members(interface))
    for tag, title in (("method", "Methods"), ("signal", "Signals"), ("property", "Properties")):
        rows = [(member, comment) for member, comment in found if member.tag == tag]
        if rows:
            print(f".SS {title}")
        for i, (member, comment) in enumerate(rows):
            print(".TP" if comment or i == 0 else ".TQ")
            print(f".B {paragraph(signature(member))}")
            if comment:
                print(text(comment, ".IP"))


def main():
    print(HEAD.format(version=sys.argv[1]), end="")
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            source = file.read()
        intro = [each for each in re.findall(r"<!--(.*?)-->", source.split("<node>")[0], re.DOTALL) if "SPDX" not in each]
        root = tree.fromstring(source, parser=tree.XMLParser(target=tree.TreeBuilder(insert_comments=True)))
        for interface in root.iter("interface"):
            describe(interface, "\n\n".join(intro))
    print(TAIL, end="")


if __name__ == "__main__":
    main()
