# SPDX-License-Identifier: Apache-2.0
"""Metrics, their page, the alert rules and the dashboard speak of the same names, and the rules fire when they should."""

import json
import os
import re
import shutil
import subprocess
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
RULES = "docs/monitoring/leased.rules.yml"
DASHBOARD = "docs/monitoring/leased-dashboard.json"


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def promtool(*arguments):
    return subprocess.run(["promtool", *arguments], cwd=os.path.join(TOP, "docs/monitoring"), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


class Monitoring(unittest.TestCase):
    metrics = set(re.findall(r'describe\("(\w+)"', read("src/ctl/metrics.c")))

    def test_the_page_lists_every_metric_with_its_type(self):
        types = re.findall(r'describe\("(\w+)",\s*"(\w+)"', read("src/ctl/metrics.c"))
        self.assertEqual(sorted(types), sorted(re.findall(r"^\| `(\w+)` \| (\w+) \|", read("docs/monitoring.md"), re.MULTILINE)))

    def test_rules_and_dashboard_ask_only_for_metrics_that_there_are(self):
        used = set(re.findall(r"\bleased_\w+", read(RULES) + read(DASHBOARD)))
        self.assertTrue(used)
        self.assertEqual({re.sub(r"_bucket$", "", name) for name in used} - self.metrics, set())

    def test_the_dashboard_is_json_whose_panels_do_not_overlap(self):
        places = [panel["gridPos"] for panel in json.loads(read(DASHBOARD))["panels"]]
        cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
        self.assertEqual(len(cells), len(set(cells)))

    def test_every_rule_is_tested(self):
        rules = set(re.findall(r"- alert: (\w+)", read(RULES)))
        self.assertEqual(rules, set(re.findall(r"alertname: (\w+)", read("docs/monitoring/leased.rules.test.yml"))))

    @unittest.skipUnless(shutil.which("promtool"), "no promtool (Debian: prometheus)")
    def test_the_rules_fire_when_they_should(self):
        for arguments in (("check", "rules", "leased.rules.yml"), ("test", "rules", "leased.rules.test.yml")):
            done = promtool(*arguments)
            self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
