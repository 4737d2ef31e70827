/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/daemon_flags.h - the flags that `serve` and `run` share. Threads: [main]. */
#ifndef EX_CLI_DAEMON_FLAGS_H
#define EX_CLI_DAEMON_FLAGS_H

#include "exporter/cli/flags.h"
#include "exporter/daemon/daemon.h"
#include "exporter/http/prefix.h"

enum ex_command { EX_COMMAND_SERVE, EX_COMMAND_RUN };

struct ex_daemon_flags {
    struct ex_daemon_options daemon; /* complete but for the observer */
    struct ex_flag_list addresses;   /* what daemon.door points to */
    bool systemd_socket;             /* serve what the service manager hands over */
    bool check_only;                 /* say whether all files are good, and end */
    struct ex_flag_list control_addresses;
    struct ex_flag_list allowed_hosts;
    char prefix[EX_HTTP_PREFIX_MAX_BYTES]; /* what daemon.door.prefix points to */
};

/* Parses argv, configures the log, answers --help and --version. Returns the number of positional
 * arguments, at argv[1...], or -1 with *ret_status to exit with. `flags` must stay where it is. */
int ex_daemon_flags_parse(struct ex_daemon_flags *flags, enum ex_command command, int argc,
                          char **argv, int *ret_status);

#endif
