/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/state.h"

#include <assert.h>

void etcd_state_note(Etcd *e, EtcdNews news) {
        assert(e->settler);
        e->news |= news;
        (void) sd_event_source_set_enabled(e->settler, SD_EVENT_ONESHOT);
}

void etcd_state_note_ok(Etcd *e) {
        if (e->status.state != REGISTRY_OK) {
                e->status.state = REGISTRY_OK;
                etcd_state_note(e, ETCD_NEWS_STATUS);
        }
}

void etcd_state_note_trouble(Etcd *e, const char *text) {
        EtcdStatus *s = &e->status;
        bool news = s->state != REGISTRY_TROUBLE || !streq(s->error, text);

        s->state = REGISTRY_TROUBLE;
        s->error_at = now_realtime();
        str_copy(s->error, sizeof(s->error), text);
        if (news)
                etcd_state_note(e, ETCD_NEWS_STATUS);
}
