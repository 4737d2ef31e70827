/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/build_info.h - which build this is. Static texts, never NULL. Threads: any. */
#ifndef EX_BASE_BUILD_INFO_H
#define EX_BASE_BUILD_INFO_H

struct ex_build_info {
    const char *version;
    const char *revision;
    const char *branch;
    const char *user;
    const char *date; /* of the sources, so that a build can be repeated to the byte */
    const char *compiler;
    const char *os;
    const char *arch;
    const char *tags; /* how it was built: "release", "debug,address,undefined" */
};

const struct ex_build_info *ex_build_info(void);

#endif
