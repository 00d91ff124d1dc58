# SPDX-License-Identifier: Apache-2.0
"""The manual page of the D-Bus API has every member of every interface."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
INTERFACES = [os.path.join(TOP, f"dbus/org.leased1.{name}.xml") for name in ("Manager", "Unit", "Lease")]


def api():
    script = os.path.join(TOP, "docs", "org.leased1.5.py")
    return subprocess.run([script, "0", *INTERFACES], check=True, stdout=subprocess.PIPE, text=True).stdout


class Manual(unittest.TestCase):
    def test_every_member_of_the_api_has_its_paragraph(self):
        page = api()
        self.assertEqual(len(INTERFACES), len(glob.glob(os.path.join(TOP, "dbus/*.xml"))))
        for path in INTERFACES:
            with open(path, encoding="utf-8") as file:
                source = file.read()
            interface = re.search(r'<interface name="([\w.]+)">', source).group(1)
            part = page.split(f'.SH "INTERFACE {interface}"\n')[1].split("\n.SH ")[0]
            members = re.findall(r'<(?:method|signal|property) name="(\w+)"', source)
            self.assertEqual(sorted(members), sorted(re.findall(r"^\.B (\w+)[( ]", part, re.MULTILINE)))
            for comment in re.findall(r"<!--(.*?)-->", source.split("<interface")[1], re.DOTALL):
                last = comment.split()[-3:]
                self.assertRegex(part, r"\s".join(re.escape(word.replace("-", "\\-")) for word in last))

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_the_page_is_formatted_without_a_warning(self):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(api())
            file.flush()
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", file.name], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main()
