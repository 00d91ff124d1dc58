/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cluster.h"

#include "core/placement.h"
#include "daemon/bulk.h"
#include "daemon/bus-util.h"
#include "daemon/why-not.h"
#include "util/log.h"

/* Which units the caller of ListClusterUnits wants; the texts are borrowed from the call. */
typedef struct Choice {
        const char *machine_id;
        Placement wanted; /* only .require is set: the metadata that the machine must have */
        uint64_t since;   /* only what has changed after this revision; 0: everything that is not gone */
} Choice;

/* Whether the caller has to begin again: what has changed since is not known. */
static bool is_too_old(const Daemon *d, const Choice *choice) {
        return choice->since > 0 && !core_knows_since(d->core, choice->since);
}

/* Reads the arguments of the call. -EINVAL: a word of metadata is not KEY=VALUE, or the words are too long together.
 */
static int read_choice(sd_bus_message *m, Choice *ret) {
        size_t n = 0, room = sizeof(ret->wanted.require);
        const char *word;
        int r = sd_bus_message_rewind(m, true);

        *ret = (Choice){};
        if (r < 0 || (r = sd_bus_message_read(m, "s", &ret->machine_id)) < 0 ||
                        (r = sd_bus_message_enter_container(m, 'a', "s")) < 0)
                return r;
        while ((r = sd_bus_message_read_basic(m, 's', &word)) > 0) {
                if (!strchr(word, '=') || strchr(word, ' ') || strlen(word) + 2 > room - n)
                        return -EINVAL;
                n += (size_t) sprintf(ret->wanted.require + n, "%s%s", n > 0 ? " " : "", word);
        }
        if (r < 0 || (r = sd_bus_message_exit_container(m)) < 0)
                return r;
        return sd_bus_message_read(m, "t", &ret->since);
}

static bool is_chosen(const Choice *choice, const OfferView *v) {
        if (*choice->machine_id && !streq(choice->machine_id, v->machine_id))
                return false;
        if (choice->since > 0 ? v->change <= choice->since : v->state == STATE_GONE)
                return false;
        return placement_unfit(&choice->wanted, v->machine_id, v->metadata).why == WHY_NONE;
}

static int append_row(const OfferView *v, sd_bus_message *m) {
        const WhyNotView why = { .reason = v->reason, .until = v->until };
        char line[WHY_NOT_SIZE];
        const char *const texts[] = { v->unit, v->machine_id, v->lease, core_state_word(v->state), v->active,
                v->result };
        size_t size = 128;
        int r = sd_bus_message_open_container(m, 'r', CLUSTER_UNIT);

        for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++) {
                r = bus_append_text(m, texts[i]);
                size += strlen(texts[i]);
        }
        if (r >= 0)
                r = sd_bus_message_append(
                                m, "tbttu", v->since, (int) v->holds, v->index, v->held_since, v->reason.why);
        if (r >= 0)
                r = bus_append_text(m, v->reason.why == WHY_NONE
                                                       ? ""
                                                       : why_not_line(&why, now_realtime(), line, sizeof(line)));
        if (r >= 0)
                r = sd_bus_message_append(m, "u", v->copies);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : (int) (size + WHY_NOT_SIZE);
}

/* The offer was there when the answer began, and has been forgotten since: it was gone long before. */
static OfferView forgotten(const char *name, const Choice *choice, char id[static MACHINE_SIZE]) {
        const char *slash = strchr(name, '/');

        str_copy(id, MACHINE_SIZE, name); /* cut at the slash */
        return (OfferView){ .unit = slash + 1,
                .machine_id = id,
                .lease = slash + 1,
                .metadata = "",
                .state = STATE_GONE,
                .active = "",
                .result = "",
                .change = choice->since + 1 };
}

static int append_offer(Daemon *d, const char *name, sd_bus_message *call, sd_bus_message *reply) {
        char id[MACHINE_SIZE];
        OfferView v;
        Choice choice;
        int r = read_choice(call, &choice);

        if (r < 0)
                return r;
        if (is_too_old(d, &choice))
                return 0;
        if (!core_find_offer(d->core, loop_now(), name, &v))
                v = forgotten(name, &choice, id);
        return is_chosen(&choice, &v) ? append_row(&v, reply) : 0;
}

/* 0 is lower than whatever the caller has, and so has the caller begin again. */
static int append_revision(Daemon *d, sd_bus_message *call, sd_bus_message *reply) {
        Choice choice;
        int r = read_choice(call, &choice);

        return r < 0 ? r : sd_bus_message_append(reply, "t", is_too_old(d, &choice) ? 0 : core_revision(d->core));
}

int cluster_list_units(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        static const BulkKind kind = {
                .offers = true,
                .type = "(" CLUSTER_UNIT ")",
                .append_head = append_revision,
                .append_chosen = append_offer,
        };
        Choice choice;
        int r = read_choice(m, &choice);

        if (r >= 0 && strlen(choice.machine_id) >= MACHINE_SIZE) /* the call is kept until its answer is out */
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "That is no machine id.");
        if (r == -EINVAL)
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS,
                                "Metadata are words KEY=VALUE without spaces, %d "
                                "bytes at most.",
                                PLACEMENT_TEXT_SIZE - 1);
        return r < 0 ? r : bulk_answer(d, m, &kind, error);
}

void cluster_emit(Daemon *d, sd_bus *bus, const char *offer, uint64_t revision) {
        OfferView v;
        int r;

        if (!bus || !core_find_offer(d->core, loop_now(), offer, &v))
                return;
        r = sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER, "UnitStateChanged", "ssssstbtt", v.unit, v.machine_id,
                        core_state_word(v.state), v.active, v.result, v.since, (int) v.holds, v.index, revision);
        if (r < 0)
                log_debug_errno(r, "cannot announce the state of %s", offer);
}
