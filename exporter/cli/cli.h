/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/cli.h - the commands of failover_exporter. Each gets the arguments from its own name
 * on and returns the exit status. Threads: [main]. */
#ifndef EX_CLI_CLI_H
#define EX_CLI_CLI_H

#include <stdbool.h>

#include "failover/types.h"

struct ex_daemon_options;
struct ex_flag;

int ex_cli_serve(int argc, char **argv);
int ex_cli_run(int argc, char **argv);
int ex_cli_plan(int argc, char **argv);
int ex_cli_check(int argc, char **argv);
int ex_cli_check_rules(int argc, char **argv); /* from `rules` on */
int ex_cli_classify(int argc, char **argv);
int ex_cli_metrics(int argc, char **argv);
int ex_cli_submit(int argc, char **argv);
int ex_cli_remote(int argc,
                  char **argv); /* list, status, failures, cancel, restart, pause, resume */
int ex_cli_replay(int argc, char **argv);
int ex_cli_export(int argc, char **argv);
int ex_cli_import(int argc, char **argv);
int ex_cli_backup(int argc, char **argv);
int ex_cli_healthcheck(int argc, char **argv);
int ex_cli_version(int argc, char **argv);
int ex_cli_help(int argc, char **argv);

/* Everything that the daemon would read: its configuration, the web configuration and, when these
 * are good, the jobs. Says what is wrong with each; returns the exit status. */
int ex_cli_check_daemon(const struct ex_daemon_options *daemon, int job_count, char **jobs);

/* Bad input is exit 2 for `run` and `plan`, 1 for everything else. */
enum { EX_EXIT_OK = 0, EX_EXIT_FAILED = 1, EX_EXIT_USAGE = 2, EX_EXIT_CANCELLED = 130 };

/* Prints "failover_exporter: FILE:LINE: text" on standard error; FILE may be NULL. */
void ex_cli_complain(const char *file, const struct fo_error *error);

/* The parts that every command's flags need. */
struct ex_cli_command {
    const char *usage; /* "plan [flags] JOB" */
    const char *about; /* a sentence */
    const struct ex_flag *flags;
    size_t flag_count;
    bool *help;      /* of the --help flag */
    int usage_error; /* exit status of a bad flag */
};

/* Parses flags, prints help when asked. Returns the number of positional arguments, which stand at
 * argv[1...], or -1 with *ret_status to exit with. */
int ex_cli_start(const struct ex_cli_command *command, int argc, char **argv, int *ret_status);

#endif
