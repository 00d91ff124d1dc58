# SPDX-License-Identifier: Apache-2.0
"""Checks values by docs/leasectl.schema.json: as much of JSON Schema as that file uses."""

import json
import re

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
KNOWN = {"$ref", "$defs", "$schema", "title", "description", "type", "enum", "required", "properties", "items", "additionalProperties",
         "propertyNames", "pattern"}


class Schema:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.whole = json.load(file)

    def faults(self, name, value):
        """What is wrong with a value of this definition, one text for each fault."""
        return list(self._faults(self.whole["$defs"][name], value, name))

    def _faults(self, rule, value, where):
        assert set(rule) <= KNOWN, f"this checks no {set(rule) - KNOWN}"
        if "$ref" in rule:
            yield from self._faults(self.whole["$defs"][rule["$ref"].removeprefix("#/$defs/")], value, where)
        if "type" in rule:
            kinds = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
            if not any(isinstance(value, TYPES[kind]) and (kind == "boolean") == isinstance(value, bool) for kind in kinds):
                yield f"{where}: {value!r} is not {' or '.join(kinds)}"
                return
        if "enum" in rule and value not in rule["enum"]:
            yield f"{where}: {value!r} is none of {rule['enum']}"
        if "pattern" in rule and not re.search(rule["pattern"], value):
            yield f"{where}: {value!r} is not like {rule['pattern']}"
        if isinstance(value, list):
            for i, each in enumerate(value):
                yield from self._faults(rule.get("items", {}), each, f"{where}[{i}]")
        if isinstance(value, dict):
            yield from self._object_faults(rule, value, where)

    def _object_faults(self, rule, value, where):
        for name in rule.get("required", []):
            if name not in value:
                yield f"{where}: has no {name}"
        for name, each in value.items():
            yield from self._faults(rule.get("propertyNames", {}), name, f"{where}, the name of a member")
            yield from self._faults(rule.get("properties", {}).get(name, rule.get("additionalProperties", {})), each, f"{where}.{name}")
