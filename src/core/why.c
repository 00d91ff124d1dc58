/* SPDX-License-Identifier: Apache-2.0 */
#include "core/why.h"

/* '%' stands for what the reason speaks of. */
static const struct {
        const char *here;
        const char *there; /* NULL: the same */
} sentences[_WHY_MAX] = {
        [WHY_EXPIRED] = { "expired" },
        [WHY_RELEASED] = { "released" },
        [WHY_TRANSFER] = { "transfer" },
        [WHY_FAILBACK] = { "failback" },
        [WHY_UPGRADE] = { "upgrade" },
        [WHY_PLACEMENT] = { "placement" },
        [WHY_DRAIN] = { "drain" },
        [WHY_DISABLED] = { "disabled" },
        [WHY_SHUTDOWN] = { "shutdown" },
        [WHY_SLEEP] = { "sleep" },
        [WHY_DEPENDENCY] = { "dependency" },
        [WHY_DONE] = { "done" },
        [WHY_FAILED] = { "failed" },
        [WHY_STRAY] = { "stray" },
        [WHY_LOST] = { "lost" },
        [WHY_STOLEN] = { "stolen" },
        [WHY_UNFIT] = { "unfit" },
        [WHY_ACQUIRED] = { "acquired" },
        [WHY_RENEWED] = { "renewed" },
        [WHY_CONFIRMED_DEAD] = { "confirmed dead" },
        [WHY_SURPLUS] = { "surplus" },
        [WHY_CHECK_FAILED] = { "check failed" },
        [WHY_UNNEEDED] = { "unneeded" },

        [WHY_STOPPING] = { "the daemon is being stopped" },
        [WHY_SLEEPING] = { "this machine is about to sleep" },
        [WHY_REGISTRY_FOREIGN] = { "the registry is not the one that this machine knows (leasectl registry accept)" },
        [WHY_REGISTRY_UNHEARD] = { "the registry has not answered yet" },
        [WHY_NO_BEAT_YET] = { "no beat has come through yet" },
        [WHY_REGISTRY_SILENT] = { "the registry does not answer" },
        [WHY_MACHINE_TWICE] = { "another machine bears this machine id" },
        [WHY_EARLIER_SESSION] = { "waiting for an earlier session of this machine to end" },
        [WHY_DRAINING] = { "this machine is draining", "draining" },
        [WHY_REGISTRY_REPLACED] = { "the registry was replaced or fell back to an older state: waits for whoever may "
                                    "still run from before" },
        [WHY_NOTHING_REMEMBERED] = { "this machine remembers nothing of the registry: waits one TTL" },
        [WHY_MACHINE_UNLISTED] = { "this machine is not in the registry yet",
                        "its record in the registry is gone, or cannot be read" },
        [WHY_REGISTRY_NAMELESS] = { "the registry's record of its own name is lost: waits for a machine that knows "
                                    "it" },

        [WHY_SAID] = { "%" },
        [WHY_NOT_ENABLED] = { "it is not enabled here any more", "it is not enabled there" },
        [WHY_GLOBAL] = { "it runs on every machine that fits, without a lease" },
        [WHY_DOUBTFUL] = { "a line that says where it may run is bad (leasectl reload names it)",
                        "a line that says where it may run is bad there" },
        [WHY_RENAMED] = { "its Lease= is being changed" },
        [WHY_OTHER_LEASE] = { "it goes by another lease there" },
        [WHY_SAME_LEASE] = { "another unit here has the same Lease=", "another unit there has the same Lease=" },
        [WHY_GUARD_SILENT] = { "leased-guard.service does not answer", "leased-guard.service does not answer there" },
        [WHY_GUARD_GONE] = { "leased-guard.service does not run", "leased-guard.service does not run there" },
        [WHY_STILL_STOPPING] = { "it is still being stopped here" },
        [WHY_STATE_UNTOLD] = { "systemd has not told its state yet" },
        [WHY_NO_GATE] = { "systemd has not loaded its gate" },
        [WHY_NO_UNIT_FILE] = { "its unit file is missing" },
        [WHY_MASKED] = { "it is masked" },
        [WHY_BAD_UNIT_FILE] = { "systemd cannot load its unit file" },
        [WHY_LEFTOVERS] = { "processes of an earlier run are left here" },
        [WHY_NEED_STOPPED] = { "%, which it needs, is stopped here", "%, which it needs, is stopped there" },
        [WHY_NEED_ENDED] = { "%, which it needs, has ended here" },
        [WHY_CONFLICT_RUNS] = { "% runs here, with which it conflicts", "% runs there, with which it conflicts" },
        [WHY_INDEX_AT_END] = { "its Index % cannot grow any more (leasectl registry forget LEASE)" },
        [WHY_STANDS_BACK] = { "this machine stands back", "stands back" },
        [WHY_ONCE] = { "it runs only once" },
        [WHY_GATE_SHUT] = { "its gate was hidden, or another Assert= did not hold" },
        [WHY_REFUSES_STOP] = { "RefuseManualStop=yes was set here, for it or for what goes by its lease",
                        "RefuseManualStop=yes was set there, for it or for what goes by its lease" },
        [WHY_SUCCESS_ACTION] = { "SuccessAction= was set here, for it or for what goes by its lease",
                        "SuccessAction= was set there, for it or for what goes by its lease" },
        [WHY_REFUSES_START] = { "RefuseManualStart=yes was set here", "RefuseManualStart=yes was set there" },
        [WHY_STOPS_UNNEEDED] = { "StopWhenUnneeded=yes was set here", "StopWhenUnneeded=yes was set there" },
        [WHY_DETACHES] = { "LazyUnmount=yes was set here, for it or for what goes by its lease",
                        "LazyUnmount=yes was set there, for it or for what goes by its lease" },

        [WHY_OTHER_MACHINE] = { "it is to run on machine %" },
        [WHY_METADATA] = { "missing metadata %" },
        [WHY_CONFLICT] = { "conflict with %" },
        [WHY_MISSING_PEER] = { "it must run beside %" },
        [WHY_YIELDS] = { "it must not run beside another unit here" },
        [WHY_PEER_ELSEWHERE] = { "what it must run beside is elsewhere" },
        [WHY_CONFLICT_GLOBAL] = { "it conflicts with a unit there that runs everywhere" },
        [WHY_CONFLICT_HERE] = { "it conflicts with a unit here" },
        [WHY_OUTRANKED] = { "% comes first" },
        [WHY_NOT_TO_BE_HAD] = { "it is not to be had" },

        [WHY_HELD_ELSEWHERE] = { "another machine holds the lease" },
        [WHY_JOB_DONE] = { "its job is done (leasectl rearm)", "its job is done" },
        [WHY_DEBT] = { "the lease was taken by force: waiting until the robbed machine has surely stopped" },
        [WHY_RECORD_DAMAGED] = { "the lease's record in the registry cannot be read: waiting until whoever may hold "
                                 "it "
                                 "has stopped" },
        [WHY_RECORD_DELETED] = { "the lease's record in the registry was deleted: waiting until whoever may hold it "
                                 "has stopped" },
        [WHY_ABOUT_TO_START] = { "about to start" },
        [WHY_ASKING] = { "asking for the lease" },
        [WHY_UNKNOWN_SILENT] = { "unknown: the registry does not answer" },
        [WHY_UNKNOWN_FOREIGN] = { "unknown: the registry is not the one that this machine knows (leasectl registry "
                                  "accept)" },
        [WHY_UNKNOWN_UNHEARD] = { "unknown: the registry has not answered since leased started" },
        [WHY_UNKNOWN_ENDING] = { "unknown: the registry does not answer; the guard stops what runs here by an earlier "
                                 "beat" },
        [WHY_UNKNOWN_RUNNING] = { "unknown: the registry does not answer; it runs here by an earlier beat, as the "
                                  "guard knows" },
        [WHY_RECORD_UNREADABLE] = { "the lease's record in the registry cannot be read" },
        [WHY_PERIOD_LEASE] = { "its lease is held by way of the D-Bus API (StealLease)" },
        [WHY_DEBTS_FULL] = { "too many machines may still run it: that ends within their TTLs" },

        [WHY_STUCK] = { "it should go elsewhere, and there is no machine that fits" },
        [WHY_BY_HAND] = { "it was stopped by hand; the lease stays here" },
        [WHY_FAILED_HELD] = { "it has failed; OnFailure=hold keeps its lease here until: leasectl start" },
        [WHY_ENDED] = { "it has ended, or was stopped by hand" },
        [WHY_HERE_ALREADY] = { "it is here already", "it is there already" },
        [WHY_RUN_LOST] = { "its lease was lost, or its gate could not be opened, before it had begun" },
        [WHY_OUTSIDE] = { "a process of it runs outside of its control group" },
        [WHY_PID1_REFUSES] = { "systemd does not start or stop it" },

        [WHY_HOLDS] = { "holds it" },
        [WHY_HELD_LAST] = { "held it when the registry last answered" },
        [WHY_FIRST] = { "stands by, first in line" },
        [WHY_STANDS_BY] = { "stands by" },
        [WHY_SILENT] = { "it is silent" },
        [WHY_SILENCE_UNKNOWN] = { "whether it is silent is unknown" },
        [WHY_BEATS] = { "it is up: its last sign of life came less than two rounds ago" },

        [WHY_NOT_KNOWN_HERE] = { "it is not enabled on the machine that was asked, which cannot tell" },
        [WHY_HELD_BY_NOBODY] = { "nobody holds its lease" },
        [WHY_TOO_MANY] = { "too many units for one answer" },
        [WHY_RUNS_TO_ITS_END] = { "a command of leasectl run, which stays until it ends" },

        [WHY_UP] = { "it is up" },
        [WHY_WANTED] = { "a unit with this lease is enabled on %" },
        [WHY_LEASE_HELD] = { "somebody holds it" },

        [WHY_REQUEST_NOT_HELD] = { "its lease is not held here", "its lease is not held there any more" },
        [WHY_REQUEST_NOT_DONE] = { "it is not done" },
        [WHY_REQUEST_LATE] = { "it could not be begun in time" },
        [WHY_REQUEST_UNANSWERED] = { "the machine that was asked did not answer" },
        [WHY_REQUEST_DROPPED] = { "the machine that was asked dropped the request: see what has become of the unit" },
        [WHY_REQUEST_NOT_RUNNING] = { "it is just being started or stopped here",
                        "it is just being started or stopped there" },
        [WHY_REQUEST_WITHDRAWN] = { "it was withdrawn" },
        [WHY_REQUEST_SILENT] = { "%, which would have to do it, is silent" },

        [WHY_HAS_COPY] = { "runs another copy, by %", "another copy of it runs there, by %" },
        [WHY_COPY_LEFT] = { "the last copy waits for %, where Copies= is not in force" },
        [WHY_SEVERAL_COPIES] = { "several machines hold a copy: say which one, as %" },

        [WHY_PAUSED] = { "paused, no lease moves until: leasectl resume" },
        [WHY_KEEPS] = { "its holder has kept it since a pause, and is not heard (leasectl confirm-dead)",
                        "it keeps leases since a pause, and is not heard (leasectl confirm-dead)" },
        [WHY_MAY_BE_KEPT] = { "the lease's record in the registry is lost, and may be of a machine that keeps leases "
                              "since a pause, and is not heard (leasectl confirm-dead %)" },
        [WHY_CHECK_UNKNOWN] = { "its check (Check=) has not passed here yet",
                        "its check (Check=) has not passed there yet" },
        [WHY_CHECK_FAILS] = { "its check (Check=) fails here", "its check (Check=) fails there" },
        [WHY_KEPT] = { "waits for %, which reboots" },
        [WHY_KNOWS_NO_PAUSE] = { "leased on % is too old for a pause" },
        [WHY_FILE_IN_FORCE] = { "its file is in force" },
        [WHY_FILE_UNSIGNED] = { "it is not signed" },
        [WHY_FILE_UNKNOWN_SIGNER] = { "its signer is not in /etc/leased/allowed_signers" },
        [WHY_FILE_BAD_SIGNATURE] = { "its signature is wrong" },
        [WHY_FILE_OTHER_NAME] = { "it was signed for the name %" },
        [WHY_FILE_OTHER_CLUSTER] = { "it was signed for another cluster, %" },
        [WHY_FILE_TOO_OLD] = { "it is older than what this machine has had, or differs in the same version" },
        [WHY_FILE_NOT_ALLOWED] = { "AllowedUnits= does not let % submit a unit of this name" },
        [WHY_FILE_BAD_NAME] = { "no unit or file of such a name can be submitted" },
        [WHY_FILE_DAMAGED] = { "its record cannot be read" },
        [WHY_FILE_NOT_FIRST] = { "this machine has its own: %" },
        [WHY_FILE_CHECKED] = { "leasectl enable refuses it: %" },
        [WHY_FILE_MOVES] = { "an earlier version runs here, and is to move first" },
        [WHY_FILE_DESTROYED] = { "it was destroyed" },
        [WHY_FILE_NOT_WRITTEN] = { "its file cannot be written: %" },
        [WHY_FILE_DISABLED] = { "its file is in force, and it was disabled on this machine" },
        [WHY_FILE_LEAVES] = { "it was destroyed, and is held here until other machines have put it away" },
        [WHY_FILE_STAYS] = { "it was destroyed, and cannot be disabled: %" },
        [WHY_FILE_NO_SIGNERS] = { "/etc/leased/allowed_signers is missing, or others than root can write to it" },
        [WHY_FILE_AHEAD] = { "it was signed more than a day later than it is here: one of the two clocks is wrong" },
        [WHY_FILE_STOPS] = { "%, which it brings no more, is stopped first" },
        [WHY_FILE_NOT_VERIFIED] = { "its signature cannot be verified, and is looked at again: ssh-keygen: %" },
        [WHY_FILE_ENDS] = { "it was destroyed, and is being stopped here" },
};

/* Gives how many bytes of a text of n bytes, which need not be terminated, are to stand in a room of so many bytes. */
static size_t fit(const char *s, size_t n, size_t room) {
        return n > room ? text_cut(s, room) : n;
}

/* Writes at most n bytes of s behind the length bytes of buf, and returns the new length. */
static size_t append(char buf[static WHY_TEXT_SIZE], size_t length, const char *s, size_t n) {
        n = fit(s, n, WHY_TEXT_SIZE - 1 - length);
        memcpy(buf + length, s, n);
        buf[length + n] = '\0';
        return length + n;
}

char *why_text(Reason r, char buf[static WHY_TEXT_SIZE]) {
        const char *s = (unsigned) r.why < _WHY_MAX ? sentences[r.why].here : NULL, *mark;
        size_t n = 0;

        buf[0] = '\0';
        if (r.holds && s && r.why != WHY_HOLDS)
                n = append(buf, n, "holds it; ", strlen("holds it; "));
        if (s && r.there && sentences[r.why].there)
                s = sentences[r.why].there;
        if (!s)
                return buf;
        mark = strchr(s, '%');
        if (!mark) {
                append(buf, n, s, strlen(s));
                return buf;
        }
        n = append(buf, n, s, (size_t) (mark - s));
        n = append(buf, n, r.what ?: "", r.what ? r.length : 0);
        append(buf, n, mark + 1, strlen(mark + 1));
        return buf;
}

const char *why_word(Why why) {
        return why <= WHY_UNNEEDED ? strempty(sentences[why].here) : "";
}

bool why_ends_tenure(Why why) {
        return why >= WHY_EXPIRED && why <= WHY_UNNEEDED && why != WHY_ACQUIRED && why != WHY_RENEWED;
}

Why why_from_word(const char *word) {
        for (Why why = WHY_EXPIRED; why <= WHY_UNFIT; why++)
                if (streq(word, why_word(why)))
                        return why;
        return WHY_NONE;
}

Reason reason_keep(Reason r, char *buf, size_t size) {
        size_t n = r.what ? fit(r.what, r.length, size - 1) : 0;

        if (n > 0)
                memmove(buf, r.what, n);
        buf[n] = '\0';
        if (r.what) {
                r.what = buf;
                r.length = n;
        }
        return r;
}
