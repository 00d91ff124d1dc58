/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/local/patience.h"

#include <time.h>

bool local_patience_is_over(const LocalPatience *patience) {
        return (patience->abandoned && atomic_load(patience->abandoned)) || now_boottime() >= patience->deadline;
}

/* The first pauses are short, since a Txn takes milliseconds. Their length is random, so that those who wait do not
 * try in step. */
void local_patience_pause(int tries) {
        (void) nanosleep(&(struct timespec){ .tv_nsec = (tries < 20 ? 200 : 2000) * 1000 +
                                                        (long) (now_boottime() % 512) * 1000 },
                        NULL);
}
