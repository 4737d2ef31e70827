/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/lock.h - one daemon per storage path. The lock lies on an open file of which the
 * spawner gets a copy: it falls free when the daemon and all that it had started are dead, not
 * before. Owns: the descriptor. Threads: [main]. */
#ifndef EX_DAEMON_LOCK_H
#define EX_DAEMON_LOCK_H

#include <stdbool.h>

#include "failover/types.h"

enum { EX_LOCK_WAIT_MS = 5000 }; /* for the spawner of a daemon that died may still be killing */

struct ex_lock {
    int fd;         /* -1 = not locked */
    bool same_boot; /* the machine has not been started since the last daemon that had it */
};

/* Waits up to EX_LOCK_WAIT_MS, or with `standby` for as long as it takes. -EBUSY: another daemon
 * has it. -ENOTSUP: the folder is on a network. Or what the system says, in `reterr`. */
FO_MUST_CHECK int ex_lock_take(struct ex_lock *lock, const char *directory, bool standby,
                               struct fo_error *reterr);
void ex_lock_release(struct ex_lock *lock);

#endif
