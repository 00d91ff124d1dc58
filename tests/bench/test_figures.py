# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks print and draw, for values that are made up."""

import json
import unittest
import xml.etree.ElementTree as ElementTree

import charts
import document
import figures
from charts import Chart, Series
from figures import Figure

REACHED = Figure("moves", 4, "release of one unit", 0.0447, "s", beside=0.0838, peer="systemctl", limit=1.2, limit_of="ratio")
MISSED = Figure("rest", 2, "CPU at rest, 1000 units held, and a name that is far too long for its column", 448.0, "ms/s",
                beside=1.1, peer="no unit held", limit=5.0, note="leased 257, PID 1 129")
UNKNOWN = Figure("rest", 2, "CPU at rest", None, "ms/s", limit=20.0, note="leased was restarted")
PLAIN = Figure("rest", 2, "wake-ups", 3.0, "/s")
ALL = [MISSED, UNKNOWN, PLAIN, REACHED]
CURVE = Chart("a.svg", "Growth <of> a & b", "units", "seconds", [Series("one", [(1, 0.01), (10, 0.1), (1000, 12.0)]),
                                                                    Series("limit", [(1, 5), (1000, 5)], limit=True)],
              log_x=True, log_y=True, bench="rest")

RUNS = [{"names": ["rest", "moves"], "when": "today", "leased": "0.2.0", "quick": True, "load before": 1.0, "load after": 2.25,
         "processors": 2, "kernel": "6.1", "systemd": "systemd 252", "etcd": "etcd 3.4.23"}]


class Verdicts(unittest.TestCase):
    def test_a_limit_is_on_the_ratio_or_on_the_value(self):
        self.assertTrue(REACHED.reached)
        self.assertAlmostEqual(REACHED.ratio, 0.5334, 3)
        self.assertFalse(MISSED.reached)
        self.assertAlmostEqual(MISSED.excess, 89.6)

    def test_what_was_not_measured_is_not_reached(self):
        self.assertIs(UNKNOWN.reached, False)

    def test_without_a_limit_there_is_no_verdict(self):
        self.assertIsNone(PLAIN.reached)

    def test_a_ratio_without_a_floor_is_not_reached(self):
        self.assertFalse(Figure("a", 1, "b", 1.0, "s", limit=2.0, limit_of="ratio").reached)

    def test_nothing_beside_a_limit_of_nothing(self):
        self.assertTrue(Figure("a", 1, "b", 0.0, "s", limit=0.0).reached)


class Texts(unittest.TestCase):
    def test_table_has_80_columns_at_most(self):
        text = figures.table(ALL)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_table_says_what_was_missed_and_why(self):
        text = figures.table(ALL)
        self.assertIn("89.6 times the limit; leased 257", text)
        self.assertIn("leased was restarted", text)
        self.assertIn("of 3 goals 1 reached, 2 not", text)

    def test_numbers_have_three_digits_that_count(self):
        self.assertEqual([figures.number(each) for each in (0, 0.0123, 1.234, 12.34, 1234, 2.5e6, None)],
                         ["0", "0.012", "1.23", "12.3", "1234", "2.5e+06", "-"])
        self.assertEqual(figures.quantity(0.0447, "s"), "44.7 ms")
        self.assertEqual(figures.quantity(12.0, "s"), "12.0 s")

    def test_json_gives_the_same_figures_back(self):
        self.assertEqual(figures.from_json(json.loads(json.dumps(figures.as_json(ALL)))), ALL)
        self.assertEqual(charts.from_json(json.loads(json.dumps(charts.as_json([CURVE])))), [CURVE])

    def test_quantiles(self):
        self.assertEqual(figures.quantile(range(100), 0.99), 99)
        self.assertEqual(figures.median([3, 1, 2]), 2)
        self.assertIsNone(figures.median([]))

    def test_document_fills_only_what_was_measured(self):
        text = "# T\n<!-- bench circumstances -->\n<!-- end -->\n<!-- bench rest -->\nold\n<!-- end -->\nprose\n<!-- bench dbus -->\nkept\n<!-- end -->\n"
        filled = document.fill(text, RUNS, ALL, [CURVE])
        self.assertIn("![Growth <of> a & b](performance/a.svg)", filled)
        self.assertIn("**no**: 89.6 times the limit", filled)
        self.assertIn("| rest, moves | today | 0.2.0 | quick | 1.0, 2.2 |", filled)
        self.assertIn("prose", filled)
        self.assertIn("kept", filled)
        self.assertNotIn("old", filled)
        self.assertEqual(document.fill(filled, RUNS, ALL, [CURVE]), filled)

    def test_document_keeps_the_runs_whose_figures_stay_in_it(self):
        text = "<!-- bench circumstances -->\n\n<!-- end -->\n"
        first = document.fill(text, RUNS, ALL, [])
        both = document.fill(first, [{**RUNS[0], "names": ["moves", "turn"], "when": "later"}], [], [])
        self.assertIn("| rest | today | 0.2.0 | quick | 1.0, 2.2 |\n| moves, turn | later | 0.2.0 | quick | 1.0, 2.2 |", both)
        self.assertEqual(both.count("moves"), 1)


class Charts(unittest.TestCase):
    def test_a_chart_is_well_formed_and_says_its_axes(self):
        bars = Chart("b.svg", "Bars", "", "s", [Series("x", [(0, 0.0), (1, 3.0)])], kind="bars", labels=["p", "q"])
        for chart in (CURVE, bars):
            root = ElementTree.fromstring(charts.svg(chart))
            texts = [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]
            self.assertIn(chart.title, texts)
            self.assertTrue(any(text.startswith(chart.y) for text in texts))

    def test_ticks_are_round_and_span_the_values(self):
        self.assertEqual(charts.ticks(1, 1000, True), [1, 10, 100, 1000])
        self.assertEqual(charts.ticks(3, 80, True), [2, 5, 10, 20, 50, 100])
        self.assertEqual(charts.ticks(0, 9, False), [0, 2, 4, 6, 8, 10])
        for log in (False, True):
            marks = charts.ticks(0.013, 457, log)
            self.assertLessEqual(marks[0], 0.013)
            self.assertGreaterEqual(marks[-1], 457)

    def test_one_point_and_equal_points_are_drawn(self):
        for points in ([(10, 5.0)], [(10, 5.0), (10, 5.0)], [(10, 0.0), (20, 0.0)], []):
            for log in (False, True):
                ElementTree.fromstring(charts.svg(Chart("c.svg", "t", "x", "y", [Series("s", points)], log_x=log, log_y=log)))

    def test_labels_do_not_cover_each_other(self):
        places = charts._apart([10, 11, 12, 300], 17, 0, 300)
        ordered = sorted(places)
        self.assertTrue(all(b - a >= 16.9 for a, b in zip(ordered, ordered[1:])))
        self.assertLessEqual(max(places), 300)


if __name__ == "__main__":
    unittest.main()
