/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/aside.h"

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-id128.h>

#include "daemon/property.h"
#include "util/file-util.h"
#include "util/text.h"
#include "util/unit-name.h"

/* The file is one line: the unit's InvocationID=, how it ended, whether there was a job on the cause, the cause. */
#define NOBODY "-"
#define LINE_MAX_SIZE 512u

static const struct {
        UnitEnd end;
        const char *word;
} ends[] = {
        { UNIT_END_NEED, "need" },
        { UNIT_END_CONFLICT, "conflict" },
        { UNIT_END_UNNEEDED, "unneeded" },
        { UNIT_END_BUS, "bus" },
};

static char *path_of(const char *unit) {
        char *path;

        return asprintf(&path, ASIDE_DIRECTORY "/%s", unit) < 0 ? NULL : path;
}

static const char *word_of(UnitEnd end) {
        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                if (ends[i].end == end)
                        return ends[i].word;
        return NULL;
}

static UnitEnd end_of(const char *word) {
        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                if (streq(ends[i].word, word))
                        return ends[i].end;
        return UNIT_END_UNKNOWN;
}

int aside_keep(const char *unit, const Pid1Ending *ending, uint64_t *kept) {
        _cleanup_free_ char *path = path_of(unit);
        const char *word = word_of(ending->end);
        char line[LINE_MAX_SIZE], run[SD_ID128_STRING_MAX];
        sd_id128_t id;
        uint64_t digest;
        int r;

        if (!path || !word)
                return path ? -EINVAL : -ENOMEM;
        memcpy(id.bytes, ending->run, sizeof(id.bytes));
        (void) snprintf(line, sizeof(line), "%s %s %s %s\n", sd_id128_to_string(id, run), word,
                        ending->asked ? "job" : NOBODY, ending->cause[0] ? ending->cause : NOBODY);
        digest = property_digest(line);
        if (digest == *kept)
                return 0;
        r = mkdir_parents(ASIDE_DIRECTORY, 0755);
        if (r >= 0)
                r = write_file_atomic(path, line, strlen(line), 0644, 0);
        if (r >= 0)
                *kept = digest;
        return r;
}

void aside_forget(const char *unit, uint64_t *kept) {
        _cleanup_free_ char *path = *kept != 0 ? path_of(unit) : NULL;

        if (path && unlink_if_exists(path) >= 0)
                *kept = 0;
}

static bool decode(char *line, Pid1Ending *ret) {
        char *rest = NULL;
        const char *run = strtok_r(line, " \n", &rest), *word = strtok_r(NULL, " \n", &rest),
                   *asked = strtok_r(NULL, " \n", &rest), *cause = strtok_r(NULL, " \n", &rest);
        bool nobody = cause && streq(cause, NOBODY);
        sd_id128_t id;

        if (!cause || sd_id128_from_string(run, &id) < 0 || end_of(word) == UNIT_END_UNKNOWN ||
                        (!nobody && unit_name_kind(cause) == UNIT_NAME_INVALID))
                return false;
        *ret = (Pid1Ending){ .end = end_of(word), .asked = streq(asked, "job") };
        memcpy(ret->run, id.bytes, sizeof(ret->run));
        str_copy(ret->cause, sizeof(ret->cause), nobody ? "" : cause);
        return true;
}

bool aside_read(const char *unit, Pid1Ending *ret, uint64_t *kept) {
        _cleanup_free_ char *path = path_of(unit), *line = NULL;

        if (!path || read_file(path, LINE_MAX_SIZE, &line, NULL) < 0)
                return false;
        *kept = property_digest(line);
        return decode(line, ret);
}
