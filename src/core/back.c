/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Standing back: for a while this machine does not take a unit that it has let go, or that has failed here.
 */

#include "core/back.h"

#include "core/look.h"
#include "core/news.h"
#include "core/output.h"

#define HOLD_DOWN_MAX USEC_PER_HOUR

static bool is_unfit(const Unit *u) {
        return u->life.leave == LEAVE_UNFIT || u->life.leave == LEAVE_REFUSED;
}

static void stand_back(Core *c, Unit *u, usec_t span) {
        u->back.not_before = usec_add(c->now.boottime, span);
        u->back.until = usec_add(c->now.realtime, span);
        u->back.unfit = is_unfit(u);
        look_at_unit(c, u);
        news_of_unit(c, u, NEWS_UNIT_STANDS_BACK);
}

void back_look_anew(Core *c, Unit *u) {
        if (!u->back.unfit)
                return;
        u->back.not_before = u->back.until = 0;
        u->back.unfit = false;
        look_at_unit(c, u);
        news_of_unit(c, u, NEWS_UNIT_CHANGED);
}

void back_after_failure(Core *c, Unit *u) {
        usec_t most = MAX(HOLD_DOWN_MAX, u->config.hold_down_failure);
        usec_t span = backoff(u->config.hold_down_failure, u->back.failures, most);
        Report report = output_report_of(u, REPORT_UNIT_FAILED);

        u->back.failures++;
        stand_back(c, u, span);
        report.span = span;
        report.why = u->life.leave == LEAVE_CHECK_FAILED ? WHY_CHECK_FAILED : WHY_FAILED;
        output_report(c, report);
}

void back_after(Core *c, Unit *u) {
        /* Stand back, or three units that exclude one another chase each other for ever. Not while the guard is
         * missing: then this machine cannot take the unit anyway. */
        bool unfit = is_unfit(u) && u->lease->value->state == LEASE_FREE && !c->guard.missing;

        if (u->life.leave == LEAVE_FAILED || u->life.leave == LEAVE_CHECK_FAILED)
                back_after_failure(c, u);
        else if (u->life.leave == LEAVE_RELEASE || u->life.leave == LEAVE_TRANSFER || unfit) {
                Report report = output_report_of(u, REPORT_STANDS_BACK);

                stand_back(c, u, u->config.hold_down_release);
                report.span = u->config.hold_down_release;
                report.why = unfit ? WHY_UNFIT : u->life.leave == LEAVE_RELEASE ? WHY_RELEASED : WHY_TRANSFER;
                output_report(c, report);
        }
        if (u->life.leave == LEAVE_DONE)
                u->back.failures = 0;
}

void back_forget_failures(Unit *u) {
        u->back.failures = 0;
}

void back_no_more(Core *c, Unit *u) {
        u->back.not_before = 0;
        look_at_unit(c, u);
}
