/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/file_system.h - what the storage path is on: locks and memory maps that reach no
 * farther than this machine, or promises that nobody keeps. Owns: nothing. Threads: any. */
#ifndef EX_DAEMON_FILE_SYSTEM_H
#define EX_DAEMON_FILE_SYSTEM_H

#include <stdio.h>
#include <sys/types.h>

#include "failover/types.h"

enum { EX_FILE_SYSTEM_TYPE_BYTES = 64 };

/* -ENOTSUP: a network file system; or what the system says, in `reterr`. A program in user space
 * that pretends to be a file system, and that we do not know, is accepted with a warning. */
FO_MUST_CHECK int ex_file_system_check(const char *directory, struct fo_error *reterr);

enum ex_file_system_kind {
    EX_FILE_SYSTEM_LOCAL,   /* a block device of this machine behind a program in user space */
    EX_FILE_SYSTEM_NETWORK, /* a program known to speak to another machine */
    EX_FILE_SYSTEM_UNKNOWN, /* a program that we do not know */
};

/* What a type of FUSE is, as the kernel names it: "fuseblk", "fuse.sshfs". */
enum ex_file_system_kind ex_file_system_kind_of(const char *type);

/* The type of the file system of a device, from a file like /proc/self/mountinfo; empty if it does
 * not say. */
void ex_file_system_type(FILE *mounts, dev_t device,
                         char ret_type[static EX_FILE_SYSTEM_TYPE_BYTES]);

#endif
