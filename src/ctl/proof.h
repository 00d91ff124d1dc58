/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What the journals of machines say about whether a unit's tenures followed one another. A tenure is the life of a
 * unit on one boot of one machine under one Index.
 *
 * An entry of a journal that the proof goes by is an object with the members realtime_usec, monotonic_usec, cursor,
 * line (its place in what was read), and, where leased has told it, revision (of the registry). An entry by which
 * something ended or began is missing where the journals do not have it. A tenure is an object with the members
 *   machine_id, hostname, boot_id
 *   index           null: leased has told none
 *   acquired        leased: the lease is acquired, with the revision
 *   first, last     the first and the last entry of PID 1, or of the unit's own processes, that show it alive
 *   ended           PID 1: the unit has ended
 *   empty           leased or its guard: and no process is left
 *   left            leased: the lease is released or handed on, with the revision
 *   booted          the first entry of the machine's next boot
 *   invocations     of the unit, an object whose keys are their ids
 * A move is an object with the members
 *   from, to        two tenures, by their places in the array of tenures, the holder's and the next one's
 *   verdict         "proven": the one was over before the other began. "overlap": entries show both alive at once, by
 *                   the clocks of both machines. "unproven": neither can be known
 *   by              "registry": of two revisions, one told after the end of the first tenure, the other before the
 *                   beginning of the second, the first is not the higher one; no clock is compared. "clocks": the
 *                   time between is longer than the clocks may differ. null: not proven
 *   why             why it is not proven: a word of ctl/verdict.h; null: it is
 *   holder          whose journal is missing, if that is known; null otherwise
 *   gap_usec        from the end of the one, or its last entry, to the beginning of the other, by both clocks; null if
 *                   one of them is not known
 * The moves are made by ctl/verdict.h.
 */
typedef struct Proof {
        const char *unit;
        usec_t clocks; /* the clocks of any two machines differ by no more than this; USEC_INFINITY: not known */
        json_t *tenures, *moves;
        json_t *machines;    /* of proof.c, by machine id */
        json_t *holders;     /* of proof.c: host names by Index, as any machine tells them */
        size_t files, lines; /* that were read */
        size_t runs;         /* invocations in all tenures */
        bool has_copies;     /* the unit runs by several leases, of which not every entry names one */
} Proof;

/* Make a proof of which nothing is read yet, and free it. The unit's name is borrowed. */
void proof_init(Proof *p, const char *unit);
void proof_done(Proof *p);
/* Reads the journal of one machine or several, as "journalctl -o json" writes it. Returns 0 or a negative errno:
 * -EBADMSG if a line is no entry, -EEXIST if another file had entries of the same machine, -EFBIG if a line is longer
 * than any entry, or all files tell of more runs than any unit has. *ret_line is the number of the line. */
int proof_read(Proof *p, const char *path, size_t *ret_line);
