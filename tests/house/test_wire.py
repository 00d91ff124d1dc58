# SPDX-License-Identifier: Apache-2.0
"""docs/wire.md says of every member of every record what the tables of src/registry/record-json.c say, and no more."""

import json
import os
import re
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

TYPES = {
    "MEMBER_STRING": "text",
    "MEMBER_UNSIGNED": "number",
    "MEMBER_INDEX": "number",
    "MEMBER_UINT32": "number",
    "MEMBER_INTEGER": "signed number",
    "MEMBER_BOOL": "flag",
    "MEMBER_STATE": "word",
    "MEMBER_VERB": "word",
    "MEMBER_STAGE": "word",
    "MEMBER_PAUSE": "word",
    "MEMBER_CODE": "reason",
    "MEMBER_DEBTS": "list",
    "MEMBER_TENURES": "list",
    "MEMBER_NAMES": "list",
}
NUMBERS = {"MEMBER_UNSIGNED": 2**63 - 1, "MEMBER_INDEX": 2**53 - 1, "MEMBER_UINT32": 2**32 - 1}


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def constants_of(text):
    return {name: int(number) for name, number in re.findall(r"\b([A-Z_]+) = (\d+)[,;/ ]", text)}


def sizes_of(header, struct):
    """{member: the first size of its array, as the header writes it}."""
    body = re.search(r"typedef struct %s \{(.*?)\n\} %s;" % (struct, struct), header, re.S).group(1)
    return dict(re.findall(r"\b(\w+)\[(\w+)\]", re.sub(r"/\*.*?\*/", "", body, flags=re.S)))


def known():
    """{table: {member: (type, bound, optional)}} as the code has them; a table goes by its key's prefix, or by its list."""
    code, header = read("src/registry/record-json.c"), read("src/core/record.h")
    numbers = constants_of(header)
    prefixes = dict(re.findall(r'\{ "(\w+/?)", (\w+)_members,', code))
    names = {table: prefix for prefix, table in prefixes.items()}
    tables = {}
    for table, body in re.findall(r"static const Member (\w+)_members\[\] = \{(.*?)\n\};", code, re.S):
        members = tables[names.get(table, table)] = {}
        for macro, struct, kind, member in re.findall(r"\b(MEMBER|OPTIONAL)\((\w+), (\w+), (\w+)\)", body):
            size = sizes_of(header, struct).get(member)
            size = numbers.get(size) or (int(size) if size and size.isdigit() else None)
            bound = NUMBERS.get(kind)
            if kind == "MEMBER_STRING":
                bound = f"{size - 1} bytes"
            elif TYPES[kind] == "list":
                bound = size
            elif TYPES[kind] == "word":
                table = re.search(rf"{kind[len('MEMBER_'):].lower()}_words\[[^;]*;", code).group(0)
                bound = ", ".join(f"`{word}`" for word in re.findall(r'\] = "(\w+)"', table))
            members[member] = (TYPES[kind], str(bound) if bound else "", macro == "OPTIONAL")
    return tables


def documented():
    """The same as the page has them, by its headings."""
    tables = {}
    for heading, body in re.findall(r"^###? ([^\n]*`[^\n]*)\n(.*?)(?=^##|\Z)", read("docs/wire.md"), re.M | re.S):
        name = re.search(r"`([^`]+)`", heading).group(1)
        name = name.split("/")[0] + "/" if "/" in name else name[:-1] if heading.startswith("An element") else name
        rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ?([^|]*) ?\| ", body, re.M)
        tables[name] = {member: (kind.replace(", optional", "").strip(), bound.strip(), "optional" in kind)
                        for member, kind, bound in rows}
    return tables


class Wire(unittest.TestCase):
    maxDiff = None

    def test_each_member_is_documented_and_each_documented_one_is_known(self):
        code, page = known(), documented()
        self.assertEqual(sorted(page), sorted(code))
        self.assertGreaterEqual(len(code), 8)
        for table, members in code.items():
            self.assertTrue(members)
            with self.subTest(table=table):
                self.assertEqual(page[table], members)

    def test_each_key_is_in_the_table_of_keys(self):
        rows = re.findall(r"^\| `([a-z]+/?)", read("docs/wire.md").split("### Types")[0], re.M)
        self.assertEqual(sorted(rows), sorted(set(known()) - {"debt", "tenure"}))

    def test_each_kind_has_an_example(self):
        blocks = re.findall(r"^```\n([a-z]+/?)\S*\n(\{.*\})\n```$", read("docs/wire.md"), re.M)
        self.assertEqual(sorted({prefix for prefix, _ in blocks}), sorted(set(known()) - {"debt", "tenure"}))
        for prefix, text in blocks:
            with self.subTest(prefix=prefix):
                required = {member for member, (_, _, optional) in known()[prefix].items() if not optional}
                self.assertLessEqual(required, set(json.loads(text)))


if __name__ == "__main__":
    unittest.main()
