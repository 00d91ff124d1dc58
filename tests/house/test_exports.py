# SPDX-License-Identifier: Apache-2.0
"""No function is exported that only its own file uses."""

import os
import tempfile
import unittest

import exports


class Exports(unittest.TestCase):
    def test_what_only_its_own_file_uses_is_static(self):
        self.assertEqual(exports.lonely(exports.ROOT), [])

    def found(self, **files):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in files.items():
                path = os.path.join(directory, name.replace("__", "/")[:-2] + "." + name[-1])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as file:
                    file.write(text)
            return len(exports.lonely(directory))

    def test_a_function_that_no_other_file_uses_is_found(self):
        a = "int a(void) {\n        return 0;\n}\n"
        self.assertEqual(self.found(src__a_c=a, src__a_h="int a(void);\n"), 1)
        self.assertEqual(self.found(src__a_c=a, src__b_c="/* a() */\nint main(void) {\n        return 0;\n}\n"), 1)
        self.assertEqual(self.found(src__a_c="static " + a), 0)
        self.assertEqual(self.found(src__a_c=a, src__b_c="int main(void) {\n        return a();\n}\n"), 0)
        self.assertEqual(self.found(src__a_c=a, tests__b_c="int main(void) {\n        return a();\n}\n"), 0)
        self.assertEqual(self.found(src__a_c=a, src__a_h="int a(void);\n#define A() a()\n"), 0)


if __name__ == "__main__":
    unittest.main()
