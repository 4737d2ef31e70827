/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/host/sandbox.h - what a listener child loses before its own code runs: new
 * privileges, writing to the file system except where it was granted, core dumps, memory beyond a
 * limit, descriptors other than the standard three.
 * Owns: nothing. Threads: [main], before any other thread. */
#ifndef EX_CHILDREN_HOST_SANDBOX_H
#define EX_CHILDREN_HOST_SANDBOX_H

#include "failover/types.h"

struct sandbox {
    uint64_t memory_bytes; /* of writable memory; 0 = no limit */
    const char *const *writable;
    size_t writable_count; /* files and folders that it may write, each must exist */
};

/* 0; 1: done, but this kernel has no Landlock, so that nothing keeps it from writing files as its
 * user may; or a negative errno with `reterr`. */
FO_MUST_CHECK int sandbox_enter(const struct sandbox *sandbox, struct fo_error *reterr);

#endif
