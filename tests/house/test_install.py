# SPDX-License-Identifier: Apache-2.0
"""What "meson install" does to the files of an administrator: nothing."""

import os
import subprocess
import tempfile
import unittest

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
SHIPPED = os.path.join(DOCS, "leased.conf")


class Install(unittest.TestCase):
    def install(self, root):
        subprocess.run([os.path.join(DOCS, "install-conf"), "/etc", SHIPPED], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DESTDIR": root})
        with open(os.path.join(root, "etc", "leased", "leased.conf"), encoding="utf-8") as file:
            return file.read()

    def test_an_upgrade_keeps_the_configuration(self):
        with tempfile.TemporaryDirectory() as root:
            with open(SHIPPED, encoding="utf-8") as file:
                self.assertEqual(self.install(root), file.read())
            self.assertTrue(os.path.isdir(os.path.join(root, "etc", "leased", "leased.conf.d")))
            own = "[Leased]\nRegistry=local:/srv/leased\n"
            with open(os.path.join(root, "etc", "leased", "leased.conf"), "w", encoding="utf-8") as file:
                file.write(own)
            self.assertEqual(self.install(root), own)


if __name__ == "__main__":
    unittest.main()
