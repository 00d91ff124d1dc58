# SPDX-License-Identifier: Apache-2.0
"""Calls that cannot be meant: each is an error with the name that dbus/ promises and one line that says what is wrong, and
nothing has changed by it.

A mixin: the class that takes it has call(), busctl(), wait_for(), wait_competing() and a running daemon with foo.service.
"""

import contextlib
import re
import subprocess

NAME, PATH, MANAGER, LEASE = "org.leased1", "/org/leased1", "org.leased1.Manager", "org.leased1.Lease"
ERROR = "org.leased1.Error."
INVALID_ARGS = "org.freedesktop.DBus.Error.InvalidArgs"
NOT_NAMES = ("", "a/b", "/", ".", "..", "../x", ".hidden", "a b", "a\nb", "*", "x" * 256, "ä")
NO_MACHINE = "string:" + "0" * 32
PERIOD = "uint64:5000000"
TAKER = ("string:", "int64:0", PERIOD)


def send(path, method, *arguments):
    """The reply's error name and text, ("", text) for an answer. busctl does not say the names of errors."""
    done = subprocess.run(["dbus-send", "--system", "--print-reply", f"--dest={NAME}", path, method, *arguments],
                          capture_output=True, text=True, check=False)
    name, _, text = done.stderr.strip().removeprefix("Error ").partition(": ")
    return ("", done.stdout) if done.returncode == 0 else (name, text)


class WrongCalls:
    def refused(self, error, method, *arguments, path=PATH, interface=MANAGER):
        name, text = send(path, f"{interface}.{method}", *arguments)
        self.assertEqual(name, error, f"{method} {arguments}: {text}")
        self.assertRegex(text, r"\A[^\n]{5,300}\Z", method)

    @contextlib.contextmanager
    def nothing_changes(self):
        """No lease that was asked for has come to be, and the units are as they were."""
        def state():
            return self.call("ListLeases").stdout.count("engine-never"), self.call("ListUnits").stdout

        before = state()
        yield
        self.assertEqual(state(), before)

    def test_wrong_names_are_refused_by_every_method(self):
        self.wait_competing()
        with self.nothing_changes():
            for name in NOT_NAMES:
                for method, more in (("AcquireLease", TAKER), ("StealLease", (*TAKER, "uint64:1")), ("GetLease", ()),
                                     ("GetHistory", ()), ("ExplainUnit", ()), ("CopiesBehind", ("int64:1",)), ("ForgetLease", ()), ("LowerIndex", ("uint64:1",)), ("GetUnit", ()), ("ReleaseUnit", ()),
                                     ("TransferUnit", (NO_MACHINE,)),
                                     ("StealUnit", ()), ("RearmUnit", ()), ("AskUnit", ("string:stop", "string:"))):
                    self.refused(ERROR + "InvalidName", method, "string:" + name, *more)

    def test_every_error_has_its_name(self):
        self.wait_competing()
        with self.nothing_changes():
            for method, more in (("GetUnit", ()), ("ReleaseUnit", ()), ("TransferUnit", (NO_MACHINE,)), ("StealUnit", ()),
                                 ("RearmUnit", ())):
                self.refused(ERROR + "NoSuchUnit", method, "string:bar.service", *more)
            self.refused(ERROR + "NotHolder", "ReleaseUnit", "string:foo.service")
            self.refused(ERROR + "NotHolder", "TransferUnit", "string:foo.service", NO_MACHINE)
            self.refused(ERROR + "NoSuchLease", "GetLease", "string:engine-never")
            self.refused(ERROR + "NoSuchLease", "GetHistory", "string:engine-never")
            self.refused(ERROR + "NoSuchLease", "StealLease", "string:engine-never", *TAKER, "uint64:1")
            self.refused(ERROR + "UnitLease", "AcquireLease", "string:foo.service", *TAKER)
            for period in ("uint64:0", "uint64:999999", "uint64:86400000001", "uint64:18446744073709551615"):
                self.refused(ERROR + "InvalidPeriod", "AcquireLease", "string:engine-never", "string:", "int64:0", period)
            for machine in ("string:" + "m" * 33, "string:m 1", "string:../x"):
                self.refused(ERROR + "InvalidName", "AcquireLease", "string:engine-never", machine, *TAKER[1:])
            self.refused(INVALID_ARGS, "AcceptRegistry", "string:that-one")
            self.refused(ERROR + "NoSuchLease", "ForgetIndex", "string:engine-never")
            self.refused(ERROR + "InvalidName", "ForgetIndex", "string:../x")
            self.refused(ERROR + "NoSuchLease", "LowerIndex", "string:engine-never", "uint64:1")
            self.refused(ERROR + "NoSuchLease", "ForgetLease", "string:engine-never")
            self.refused(ERROR + "NoSuchMachine", "ForgetMachine", NO_MACHINE)
            self.refused(ERROR + "NoSuchMachine", "ForgetMachine", "string:../x")
            self.refused(ERROR + "NoSuchMachine", "Rehearse", "string:drain", "array:string:", NO_MACHINE)
            self.refused(INVALID_ARGS, "Rehearse", "string:reboot", "array:string:", "string:")
            self.refused(ERROR + "InvalidName", "ExplainOptions", "string:../x", "string:")
            self.refused(ERROR + "InvalidName", "GetUnitFile", "string:../x")
            self.refused(ERROR + "InvalidName", "PutUnitFile", "string:../x", "uint64:0", "string:{}")
            self.refused(ERROR + "Busy", "PutUnitFile", "string:never.service", "uint64:7", "string:{}")
            self.refused(ERROR + "NoSuchUnit", "LimitCommand", "string:bar.service", "uint64:1", "uint64:2", "uint64:3")
            self.refused(INVALID_ARGS, "LimitCommand", "string:foo.service", "uint64:1", "uint64:2", "uint64:3")
            self.refused(INVALID_ARGS, "SetUnitFileOutcome", "string:foo.service", "int64:1", "string:", "uint32:1", "string:")
            self.refused(INVALID_ARGS, "ExplainOptions", "string:foo.service", "string:[X-Leased]\nGlobal=perhaps\n")

        taken = send(PATH, MANAGER + ".AcquireLease", "string:wrong-index", *TAKER)[1]
        index, path = int(re.search(r"uint64 (\d+)", taken).group(1)), PATH + "/lease/wrong_2dindex"
        self.refused(ERROR + "IndexMismatch", "StealLease", "string:wrong-index", *TAKER, "uint64:0")
        self.refused(ERROR + "IndexMismatch", "StealLease", "string:wrong-index", *TAKER, f"uint64:{index + 1}")
        self.refused(ERROR + "LeaseLost", "Renew", f"uint64:{index + 1}", PERIOD, path=path, interface=LEASE)
        self.refused(ERROR + "LeaseLost", "Release", f"uint64:{index + 1}", path=path, interface=LEASE)
        self.refused(ERROR + "InvalidPeriod", "Renew", f"uint64:{index}", "uint64:1", path=path, interface=LEASE)
        self.assertEqual(send(path, LEASE + ".Release", f"uint64:{index}")[0], "")

    def test_a_machine_that_drains_steals_nothing(self):
        self.assertEqual(self.call("Drain").returncode, 0)
        try:
            self.wait_for("draining", lambda: send(PATH, MANAGER + ".StealUnit", "string:foo.service")[0] == ERROR + "Draining")
        finally:
            self.call("Undrain")

    def test_wrong_types_and_numbers_of_arguments_are_refused(self):
        with self.nothing_changes():
            for method, *arguments in (("GetLease",), ("GetLease", "uint64:1"), ("GetLease", "string:a", "string:b"),
                                       ("AcquireLease", "string:engine-never"), ("AcquireLease", "string:engine-never", "string:",
                                        "uint64:0", PERIOD), ("Drain", "boolean:true"), ("Reload", "string:x"), ("StealUnit", "uint64:1"),
                                       ("TransferUnit", "string:foo.service")):
                self.refused(INVALID_ARGS, method, *arguments)
            self.refused("org.freedesktop.DBus.Error.UnknownMethod", "Frobnicate")
            self.refused("org.freedesktop.DBus.Error.UnknownObject", "Renew", "uint64:1", PERIOD, path=PATH + "/lease/nothing",
                         interface=LEASE)
            self.refused("org.freedesktop.DBus.Error.PropertyReadOnly", "Set", "string:" + MANAGER, "string:Draining",
                         "variant:boolean:true", interface="org.freedesktop.DBus.Properties")
