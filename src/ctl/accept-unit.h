/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/accept-places.h"
#include "ctl/unit-record.h"

/* Has this machine be as the record of one submitted unit says: "leasectl accept-files", once the record was judged.
 */

/* What has become of one unit, to be told. */
typedef struct Outcome {
        Why why; /* WHY_NONE: the unit is to be enabled together with others */
        char about[ABOUT_SIZE];
} Outcome;

/* For so long other machines are waited for. */
#define ACCEPT_PATIENCE (20 * USEC_PER_SEC)

typedef struct Accepting {
        Ctl *ctl;
        const LeasedConf *conf;
        const char *uuid; /* of the registry */
        bool patient;     /* there is time to wait for other machines */
        bool waits;       /* something is waited for */
        bool stops;       /* a unit is being stopped, which may take long */
        bool again;   /* something is to be tried again: a clock may be right then, ssh-keygen answer, a disk have room
                       */
        char **fresh; /* units whose files were written just now, to be enabled together; for strv_free() */
        bool together;    /* that was done */
        char **told;      /* units of which was told what has become of them; for strv_free() */
        size_t strangers; /* units that were never taken, and whose records are refused */
        int code;
} Accepting;

/* Makes an outcome with what the reason speaks of, which may be NULL; and that of an errno, negative. */
Outcome accept_unit_outcome(Why why, const char *about);
Outcome accept_unit_failed(int r);

/* Saves the record that was kept, if it is the one in force here, before a newer one is kept. 0, or a negative errno.
 */
int accept_unit_save(const UnitRecord *kept);

/* Writes and enables the unit, or stops and removes it if it was destroyed. Whatever a call that was broken off has
 * left is made good. Sets a->waits if that has to wait for another machine, and a->fresh. */
Outcome accept_unit_place(Accepting *a, const UnitRecord *r);
