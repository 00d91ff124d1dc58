# SPDX-License-Identifier: Apache-2.0
"""Checks the laws of docs/safety.md, and S1, S2 and S3, on what daemons and guards of all machines wrote (README.md).

Knows nothing of leased's code: only the words of the lines, the records of docs/wire.md, and the laws. Where a record was
written by somebody else (by hand, or by a request whose answer was lost), nothing is said of what follows from it.

laws.py FILE...    prints each breach on a line; exit code 1 if there is one
"""

import sys
from collections import defaultdict
from dataclasses import dataclass, field

SECOND = 1_000_000
EPSILON = 0.01
LONGEST = 60 * SECOND  # the longest TTL
AGE_OF_A_PAUSE = 120 * SECOND  # until then pauses add up
BEATS_WITHOUT_KILL = 3  # that a guard may be told of while a unit is to be killed; those that it reads at once are one
ROUND = 20_000  # microseconds between two kills
EFFECTS = 20 * SECOND  # for how long those of a record that was changed by hand are waited for


def take_after(ttl):
    """For how long a session must have been silent."""
    return ttl * (1 + 2 * EPSILON)


def ttl_of(session):
    """The TTL is a part of the name. Who was robbed of a lost record's lease is "anybody"."""
    number = session.rpartition("-")[2]
    return int(number) * 1000 if number.isdigit() else LONGEST


def kill_after(ttl):
    return ttl * (1 - 2 * EPSILON) - slack_of(ttl)


def slack_of(ttl):
    return min(0.350 * SECOND, 0.175 * ttl)


class Lease:
    """A lease's record."""

    def __init__(self, text):
        state, self.session, index, period, *debts = text.split(",")
        self.held = state == "held"
        self.index, self.period = int(index), int(period)
        self.debts = {tuple(each.rsplit(":", 1)) for each in debts}


class Request:
    """A Txn, or a read of self.keys."""

    def __init__(self, at, process, epoch, words):
        self.at, self.process, self.epoch = at, process, epoch
        self.compares, self.puts, self.deletes, self.keys = {}, {}, [], []
        self.answered_at, self.outcome, self.revision = None, "", 0
        kind = "read"
        for word in words:
            if word in ("if", "put", "delete"):
                kind = word
            elif kind == "if":
                key, _, revision = word.rpartition("#")
                self.compares[key] = int(revision)
            elif kind == "put":
                key, _, value = word.partition("=")
                self.puts[key] = Lease(value) if key.startswith("leases/") else value
            else:
                (self.deletes if kind == "delete" else self.keys).append(word)

    def changes(self, prefix):
        """The names of the records of that kind that it puts or deletes."""
        return [key[len(prefix):] for key in [*self.puts, *self.deletes] if key.startswith(prefix)]

    def leases(self):
        return [(key[7:], value) for key, value in self.puts.items() if key.startswith("leases/")]


@dataclass(eq=False)
class Process:
    """One life of a daemon or a guard."""
    machine: str
    program: str
    began: int
    pending: dict = field(default_factory=dict)  # id: Request
    reads: list = field(default_factory=list)  # those that were answered
    sessions: set = field(default_factory=set)  # whose beats it puts
    beat_sent: int = 0  # when the latest of its committed beats was sent
    fences: dict = field(default_factory=dict)  # session: the revision of its fence that the latest committed beat compared
    said: dict = field(default_factory=dict)  # unit: the last word about it to the guard, its lease and Index


@dataclass
class Entry:
    """A unit on one machine, as its guard's lines show it."""
    lease: str = ""
    opened: int = 0  # the Index for which its gate was opened last; 0: not since the machine is on
    index: int = 0
    kill_offset: int = 0
    stop_offset: int = 0
    stop_at: int = 0
    kill_at: int = 0
    open: bool = False
    closed_at: int = 0
    stopping: bool = False
    down: bool = True
    beats: int = 0  # since the last kill
    beat_at: int = 0  # the last of them
    kept: bool = False  # its deadlines do not count (law 13)
    frozen: bool = False  # no beat moves its deadlines before it is thawed (law 15)

    def over_at(self):
        """Until when its processes may live if nobody sees them gone."""
        if self.kept and not self.stopping:
            return LONGEST ** 3
        slack = 0.350 * SECOND if self.kill_offset >= 1.61 * SECOND else self.kill_offset * 0.175 / 0.805
        return self.kill_at + slack


class Laws:
    def __init__(self):
        self.breaches = []
        self.lines = 0
        self._at, self._machine = 0, ""
        self._processes = {}  # (machine, program, pid)
        self._epoch = 0  # how often the registry was replaced
        self._by_hand = False  # somebody has changed records by hand, in what was told last
        self._by_hand_until = 0  # ... and until then its effects may come, where a story is told in parts
        self._writers = {}  # (epoch, key, revision): the Txn that wrote it
        self._asked = defaultdict(list)  # key: the Txns that put it, as they were asked
        self._askers = defaultdict(set)  # key: the machines of these Txns
        self._owners = {}  # session: machine
        self._debts = {}  # (lease, session, Index): when the Txn with this debt was first asked
        self._entries = defaultdict(Entry)  # (machine, unit)
        self._indexes = defaultdict(dict)  # lease: the last gate that was opened: (machine, Index)
        self._confirmed = set()  # machines that somebody has confirmed dead
        self._gates = defaultdict(lambda: LONGEST ** 3)  # (machine, Index): when a gate was first opened for it
        self._sent = defaultdict(int)  # machine: the latest t0 that a daemon sent to the guard
        self._paused = {}  # machine: when its guard saw that the virtual machine was paused, and for how long at most

    def feed(self, text):
        """Takes whole lines, none before the last that it took. Returns the breaches that they show."""
        lines = [line.split() for line in text.splitlines()]
        lines = sorted(([int(words[0]), *words[1:]] for words in lines if len(words) > 4 and words[0].isdigit()),
                       key=lambda words: words[0])
        before = len(self.breaches)
        self.lines += len(lines)
        # What the registry answers later to one machine may be known to another before.
        for at, words, process, request in [self._learn(*line[:4], line[4:]) for line in lines]:
            self._at, self._machine = at, process.machine
            handle = getattr(self, f"_{process.program}_{words[0].replace('-', '_')}", None)
            if handle and words[0] in ("txn", "answer"):
                handle(process, request)
            elif handle:
                handle(process, *(int(each) if each.isdigit() else each for each in words[1:]))
        self._by_hand = False
        return self.breaches[before:]

    def check_starts(self, unit, starts):
        """S3: whoever has a token lives by a gate that was opened for it. starts: (seconds, machine, Index or None)."""
        before = len(self.breaches)
        for at, machine, index in starts:
            if index is not None and self._gates[machine, index] > at * SECOND:
                self._at, self._machine = int(at * SECOND), machine
                self._break("S3", f"{unit} begins with Index {index}, for which no gate was opened")
        return self.breaches[before:]

    def _break(self, law, text):
        self.breaches.append(f"{law}: at {self._at / SECOND:.6f} on {self._machine}: {text}")

    def _require(self, law, condition, text):
        if not condition:
            self._break(law, text)

    # ---- what is known ----

    def _learn(self, at, machine, program, pid, words):
        """Joins each request with its answer, and learns who wrote which revision of a record."""
        key, word, request = (machine, program, pid), words[0], None
        if key not in self._processes or (word == "begin" and words[1:] != ["follows"]):
            self._processes[key] = Process(machine, {"leased-guard": "guard", "leased": "daemon"}.get(program, program), at)
        process = self._processes[key]
        if word in ("txn", "read"):
            request = process.pending[words[1]] = Request(at, process, self._epoch, words[2:])
            for record in request.puts:
                self._asked[record].append(request)
                self._askers[record].add(machine)
                if record.startswith("beats/"):
                    self._owners.setdefault(record[6:], machine)
        elif word == "answer":
            request = process.pending.pop(words[1], None)
            if request:
                request.answered_at, request.outcome, request.revision = at, words[2], int(words[3])
                for record in request.puts if request.outcome == "committed" else ():
                    self._writers[request.epoch, record, request.revision] = request
        elif word == "replaced":
            self._epoch += 1
        return at, words, process, request

    def _written(self, request, key):
        """What the Txn compares with: the Txn that wrote the record; None if it is absent or somebody else wrote it."""
        return self._writers.get((request.epoch, key, request.compares.get(key, 0)))

    def _previous(self, request, lease):
        writer = self._written(request, f"leases/{lease}")
        return writer.puts[f"leases/{lease}"] if writer else None

    def _record(self, lease, before):
        """The lease's record at that time; None if that is not known. A request that was carried out twice is told as refused."""
        key = f"leases/{lease}"
        asked = [each for each in self._asked[key] if each.at <= before and each.epoch == self._epoch]
        settled = [each for each in asked if each.outcome == "committed" and each.answered_at <= before]
        latest = max(settled, key=lambda each: each.revision, default=None)
        if latest is None or any(each.compares.get(key, 0) >= latest.revision for each in asked if each not in settled):
            return None
        return latest.puts[key]

    # ---- the registry ----

    def _daemon_txn(self, process, txn):
        beats = txn.changes("beats/")
        own = [each for each in beats if f"beats/{each}" in txn.puts]
        if own:
            self._check_beat(process, txn, own[0])
            self._require("law 13", ",keeps" not in txn.puts.get(f"fences/{own[0]}", "") or txn.compares.get("pause"),
                          f"{own[0]} begins to keep its leases, and compares no pause")
            if not process.sessions.issuperset(own):
                self._confirmed.discard(process.machine)
            process.sessions.update(own)
            return
        for lease, record in txn.leases():
            self._check_write(process, txn, lease, record)
        self._confirmed.update(self._owners.get(key[7:]) for key, value in txn.puts.items()
                               if key.startswith("fences/") and value.endswith(",over"))
        foreign = [each for each in beats + txn.changes("fences/") if each not in process.sessions and
                   self._owners.get(each) != process.machine]
        if txn.leases() or foreign:
            self._require("law 6", any(f"fences/{each}" in txn.compares for each in process.sessions),
                          "a Txn does not compare the fence of the session that sends it")

    def _check_beat(self, process, txn, session):
        if session in process.sessions:
            return
        earlier = [each for each in self._asked[f"beats/{session}"] if each.at < process.began]
        if earlier:
            fenced = [each for each in self._asked[f"fences/{session}"]
                      if each.process is process and each.outcome == "committed" and each.answered_at <= txn.at]
            self._require("law 6", fenced, f"a new process beats for {session}, and has not put its fence")
            self._require("law 11", txn.compares.get(f"beats/{session}") != 0 or
                          all(each.outcome != "committed" for each in earlier), f"the beat of {session} is written again")

    def _check_write(self, process, txn, lease, record):
        for debt in record.debts:  # also of a record that follows one which somebody else wrote
            self._debts.setdefault((lease, *debt), txn.at)
        previous = self._previous(txn, lease)
        if previous is None:
            return
        self._require("S2", record.index >= previous.index, f"the Index of {lease} goes from {previous.index} to {record.index}")
        if record.held and record.session and record.session != previous.session and record.index > previous.index:
            self._require("law 13", txn.compares.get("pause") == 0, f"{lease} is taken without a look at the pause")
        self._check_debts(process, txn, lease, previous, record)
        before, after = self._owners.get(previous.session), self._owners.get(record.session)
        if before and after and before != after:
            self._require("S2", record.index > previous.index, f"{lease} goes to {after} with the same Index")
        if not previous.held or record.session == previous.session:
            return
        if previous.session in process.sessions:
            if not record.held or after != process.machine:
                self._check_letting_go(process, txn, lease, previous)
        elif previous.session and record.session in process.sessions:
            self._check_taking(process, txn, lease, previous, record)

    def _check_taking(self, process, txn, lease, previous, record):
        robbed = previous.session
        beat, fence = f"beats/{robbed}", f"fences/{robbed}"
        what = f"{lease} is taken from {robbed}"
        self._require("law 3", any(f"fences/{each}" in txn.compares for each in process.sessions),
                      f"{what}, and the taker's own fence is not compared")
        self._require("law 3", txn.compares.get(beat) == 0 or (fence in txn.puts and fence in txn.compares),
                      f"{what}, and its fence is not put")
        writer = self._written(txn, fence)
        self._require("law 13", writer is None or ",keeps" not in writer.puts[fence] or self._is_over(txn, fence),
                      f"{what}, which keeps its leases without beats")
        if (robbed, str(previous.index)) in record.debts:
            return
        if not txn.compares.get(beat):
            self._require("law 5" if fence in txn.puts else "law 3", beat in txn.compares, f"{what}, its beat is not compared, and "
                          "no debt is left")
            return
        sent = None if self._is_over(txn, fence) else self._sent_at(txn, beat)
        self._require("law 2", sent is None or txn.at >= sent + take_after(ttl_of(robbed)),
                      f"{what} {(txn.at - (sent or 0)) / SECOND:.3f} s after its beat was sent")

    def _is_over(self, txn, fence):
        """Law 12: the fence that is compared says that somebody has confirmed the machine dead, or may say so: whoever wrote it has
        heard no answer."""
        writer = self._written(txn, fence)
        writers = [writer] if writer else [each for each in self._asked[fence] if each.outcome != "committed" and each.at < txn.at and
                                           each.epoch == txn.epoch and each.compares.get(fence, 0) < txn.compares[fence]]
        return any(each.puts[fence].endswith(",over") for each in writers)

    def _sent_at(self, txn, beat):
        """When the beat that is compared was sent, at the earliest; None: not known."""
        writer = self._written(txn, beat)
        if writer:
            return writer.at
        revisions = [each for each in self._asked[beat] if each.outcome == "committed" and each.epoch == txn.epoch and
                     each.revision < txn.compares[beat]]
        after = max((each.at for each in revisions), default=0)
        return min((each.at for each in self._asked[beat] if each.outcome != "committed" and each.at > after), default=None)

    def _check_debts(self, process, txn, lease, previous, record):
        for session, index in previous.debts - record.debts:
            if session in process.sessions or self._owners.get(session) == process.machine:
                continue
            since = self._debts.get((lease, session, index), 0)
            self._require("law 5", previous.session in process.sessions and txn.at >= since + take_after(ttl_of(session)),
                          f"the debt of {lease} to {session} is struck after {(txn.at - since) / SECOND:.3f} s")

    def _check_letting_go(self, process, txn, lease, previous):
        for (machine, unit), entry in self._entries.items():
            if machine != process.machine or entry.lease != lease or entry.opened != previous.index:
                continue
            self._require("law 7", not entry.open, f"{lease} is let go, and the gate of {unit} is open")
            self._require("law 7", entry.open or entry.down, f"{lease} is let go, and {unit} was not seen down and empty")

    def _daemon_answer(self, process, request):
        if request is None or request.outcome != "committed":
            return
        if request.keys:
            process.reads.append(request)
            del process.reads[:-64]
        for session in request.changes("beats/"):
            if f"beats/{session}" in request.puts:
                self._check_covered(process, request, session)
                self._require("law 12", not self._is_over(request, f"fences/{session}"), f"{session} beats, and is over")
                process.beat_sent = max(process.beat_sent, request.at)
                process.fences[session] = request.compares.get(f"fences/{session}", 0)

    def _check_covered(self, process, beat, session):
        """Law 4: whoever took a lease put the fence, and the fence that the beat compares was put by all of them."""
        fence = f"fences/{session}"
        for taking in self._asked[fence]:
            if taking.outcome != "committed" or taking.epoch != beat.epoch or taking.process.machine == process.machine or \
                    not process.fences.get(session, 0) < taking.revision <= beat.compares.get(fence, 0):
                continue
            for lease, _ in taking.leases():
                previous = self._previous(taking, lease)
                if previous is None or previous.session != session:
                    continue
                key = f"leases/{lease}"
                read = any(each.revision >= taking.revision and each.answered_at <= beat.at and
                           (key in each.keys or "leases/" in each.keys) for each in process.reads)
                self._require("law 4", read, f"{session} beats with the fence that {taking.process.machine} put for {lease}, "
                              "and has not read that lease since")

    # ---- what the daemon asks of the guard ----

    def _daemon_arm(self, process, unit, lease, index, t0, stop, kill):
        self._say(process, "arm", unit, lease, index)
        self._check_t0(process, t0)
        ttl = max(map(ttl_of, process.sessions), default=LONGEST)
        self._require("law 1", kill <= kill_after(ttl) + 1, f"{unit} is armed for {kill / SECOND:.3f} s after a beat")

    def _daemon_beat(self, process, t0):
        self._check_t0(process, t0)
        for unit, (word, lease, index) in process.said.items():
            if word not in ("arm", "open") or len(self._askers[f"leases/{lease}"]) < 2:
                continue
            record = self._record(lease, process.beat_sent)
            lost = record and record.index > index and self._owners.get(record.session) not in (None, process.machine)
            self._require("law 4", not lost, f"a beat covers {unit}, which was taken at Index {index}")

    def _daemon_count(self, process, t0):
        """The end of a pause: deadlines count from then (law 13)."""
        process.beat_sent = max(process.beat_sent, t0)
        self._sent[process.machine] = max(self._sent[process.machine], t0)

    def _check_t0(self, process, t0):
        self._sent[process.machine] = max(self._sent[process.machine], t0)
        self._require("law 1", t0 <= process.beat_sent, f"deadlines count from {t0 / SECOND:.6f}, "
                      f"and the latest committed beat was sent at {process.beat_sent / SECOND:.6f}")

    def _daemon_lose(self, process, unit, lease, index):
        before = process.said.get(unit, ("",))[0]
        self._say(process, "lose", unit, lease, index)
        by_hand = self._by_hand or self._at < self._by_hand_until
        record = self._record(lease, self._at) if before in ("arm", "open") and not by_hand else None
        self._require("law 8", not record or record.index != index or record.session not in process.sessions or
                      any(each.process.began > process.began for own in process.sessions for each in self._asked[f"beats/{own}"]),
                      f"{unit} is given up, and the record of {lease} names this machine at Index {index}")

    def _say(self, process, word, unit, lease, index):
        process.said[unit] = (word, lease, index)
        if lease:
            self._entries[process.machine, unit].lease = lease

    def _daemon_open(self, process, unit, lease, index):
        self._say(process, "open", unit, lease, index)

    def _daemon_close(self, process, unit, lease, index):
        self._say(process, "close", unit, lease, index)

    def _daemon_start(self, process, unit, lease, index):
        """A gate that has been closed since refuses the start; the daemon need not know of that yet. A unit with Global= has no
        Index."""
        self._require("S3", index in (0, self._entries[process.machine, unit].opened),
                      f"PID 1 is told to start {unit} with Index {index}, for which its gate was not opened")

    def _daemon_disarm(self, process, unit, lease, index):
        self._say(process, "disarm", unit, lease, index)

    def _daemon_is_down(self, process, unit, asked_at):
        entry = self._entries[process.machine, unit]
        if not entry.open and asked_at >= entry.closed_at:
            entry.down = True

    # ---- the guard ----

    def _guard_begin(self, process, how=""):
        for (machine, _), entry in self._entries.items():
            if machine == process.machine and how != "follows":
                entry.index, entry.stopping, entry.kept, entry.frozen = 0, False, False, False  # its lines say what it takes up

    def _guard_armed(self, process, unit, index, stop_at, kill_at, stop_offset, kill_offset):
        entry = self._entries[process.machine, unit]
        entry.index, entry.stop_at, entry.kill_at = index, stop_at, kill_at
        entry.stop_offset, entry.kill_offset = stop_offset, kill_offset
        entry.stopping = entry.frozen = False
        self._check_deadline(process, unit, kill_at, kill_offset)

    def _guard_frozen(self, process, unit, index, kill_at):
        entry = self._entries[process.machine, unit]
        self._require("law 15", entry.stop_at <= self._at < kill_at and entry.index == index,
                      f"{unit} is frozen, and not between its stop_at and its kill_at")
        entry.frozen = True

    def _guard_thawed(self, process, unit, index, kill_at):
        entry = self._entries[process.machine, unit]
        self._require("law 15", entry.index == index and self._at < kill_at and not entry.stopping,
                      f"{unit} is thawed, and no beat covers it at Index {index}")
        entry.frozen, entry.kill_at = False, kill_at
        self._check_deadline(process, unit, kill_at, entry.kill_offset)

    def _guard_kept(self, process, unit):
        self._entries[process.machine, unit].kept = True

    def _guard_keeps(self, process, at):
        for (machine, _), entry in self._entries.items():
            entry.kept = entry.kept or (machine == process.machine and bool(entry.index) and not entry.stopping)

    def _guard_counts(self, process, t0):
        for (machine, _), entry in self._entries.items():
            if machine == process.machine and entry.kept:
                entry.stop_at = max(entry.stop_at, t0 + entry.stop_offset)
                entry.kill_at = max(entry.kill_at, t0 + entry.kill_offset)
                entry.kept = False

    def _guard_paused(self, process, seen_at, jump):
        """The jump contains those of earlier pauses that still count."""
        seen_before, before = self._paused.get(process.machine, (0, 0))
        more = jump - before if jump > before and seen_at <= seen_before + AGE_OF_A_PAUSE else jump
        self._paused[process.machine] = seen_at, jump
        for (machine, _), entry in self._entries.items():
            if machine == process.machine:
                entry.stop_at, entry.kill_at = entry.stop_at - more, entry.kill_at - more

    def _check_sent(self, process, t0, what):
        """The guard counts from t0, and says whose deadline that is."""
        sent = self._sent[process.machine]
        seen_at, jump = self._paused.get(process.machine, (0, 0))
        self._require("law 1", t0 <= sent, f"{what}, later than any beat allows")
        self._require("law 14", sent > seen_at or t0 <= sent - jump, f"{what}, and the machine was paused for {jump / SECOND:.3f} s since")

    def _check_deadline(self, process, unit, deadline, offset):
        if offset:
            self._check_sent(process, deadline - offset, f"the deadline of {unit} is {deadline / SECOND:.6f}")

    def _guard_beat(self, process, t0):
        self._check_sent(process, t0, f"a beat counts from {t0 / SECOND:.6f}")
        for (machine, unit), entry in self._entries.items():
            if machine != process.machine:
                continue
            if not entry.stopping and not entry.frozen and entry.index:
                entry.stop_at = max(entry.stop_at, t0 + entry.stop_offset)
                entry.kill_at = max(entry.kill_at, t0 + entry.kill_offset)
            elif entry.stopping and not entry.down and self._at > entry.kill_at and self._at >= entry.beat_at + ROUND:
                entry.beats, entry.beat_at = entry.beats + 1, self._at
                self._require("law 9", entry.beats != BEATS_WITHOUT_KILL, f"{unit} is not killed any more")

    def _guard_opened(self, process, unit, index, stop_at):
        machine, lease = process.machine, self._entries[process.machine, unit].lease
        entry = self._entries[machine, unit]
        self._require("law 10", self._at < stop_at or entry.kept, f"the gate of {unit} is opened after its stop_at")
        self._check_deadline(process, unit, stop_at, entry.stop_offset)
        entry.index, entry.opened, entry.open, entry.down, entry.stopping = index, index, True, False, False
        self._gates[machine, index] = min(self._gates[machine, index], self._at)
        record = self._record(lease, self._at)
        if record and record.index == index:
            self._require("law 5", not record.debts, f"the gate of {unit} is opened, and the record has debts")
        self._check_alone(machine, lease, unit)
        before, last = self._indexes[lease] or (machine, 0)
        self._require("S2", index > last or (machine == before and index == last),
                      f"the gate of {unit} is opened for Index {index} after {last} on {before}")
        self._indexes[lease] = machine, index

    def _check_alone(self, machine, lease, unit):
        for (other, _), entry in self._entries.items():
            if other == machine or not lease or entry.lease != lease or not entry.opened or entry.down or other in self._confirmed:
                continue
            self._require("S1", self._at >= entry.over_at(), f"the gate of {unit} is opened, and on {other} it may live for "
                          f"{(entry.over_at() - self._at) / SECOND:.3f} s more")

    def _close(self, entry):
        """A gate that is closed already is closed since then: the guard says so again when the lease is lost meanwhile."""
        if entry.open or not entry.closed_at:
            entry.open, entry.closed_at = False, self._at

    def _guard_closed(self, process, unit):
        self._close(self._entries[process.machine, unit])

    def _guard_wiped(self, process):
        for (machine, _), entry in self._entries.items():
            if machine == process.machine and entry.open:
                self._close(entry)

    def _guard_stopping(self, process, unit, index, kill_at, why):
        entry = self._entries[process.machine, unit]
        if why == "expired" and entry.index == index and not entry.stopping:
            self._check_deadline(process, unit, kill_at, entry.kill_offset)
            self._require("law 8", self._at >= entry.stop_at,
                          f"{unit} is stopped {(entry.stop_at - self._at) / SECOND:.3f} s before its stop_at")
        self._require("law 13", why == "lost" or not entry.kept, f"{unit} is stopped for want of a beat, and is kept")
        entry.index, entry.kill_at, entry.stopping, entry.beats, entry.kept, entry.frozen = index, kill_at, True, 0, False, False

    def _guard_kill(self, process, unit, index):
        entry = self._entries[process.machine, unit]
        self._require("law 9", entry.stopping or entry.index != index or self._at >= entry.stop_at,
                      f"{unit} is killed, and its time is not over")
        entry.stopping, entry.beats = True, 0

    def _guard_down(self, process, unit):
        entry = self._entries[process.machine, unit]
        self._require("law 7", not entry.open, f"{unit} is called down, and its gate is open")
        entry.down = True

    # ---- what the test did ----

    def _test_off(self, process):
        for (machine, _), entry in self._entries.items():
            if machine == process.machine:
                entry.__init__(lease=entry.lease)

    def _test_replaced(self, process):
        self._test_by_hand(process)

    def _test_by_hand(self, process):
        self._by_hand, self._by_hand_until = True, self._at + EFFECTS


def main():
    laws = Laws()
    for path in sys.argv[1:]:
        with open(path) as file:
            laws.feed(file.read())
    print("\n".join(laws.breaches + [f"{laws.lines} lines, {len(laws.breaches)} breaches"]))
    return 1 if laws.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
