/* SPDX-License-Identifier: Apache-2.0 */
/* failover_exporter: finds the command and lets it run. Without one it is `serve`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exporter/cli/cli.h"
#include "exporter/config/nearest.h"

struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *summary;
};

static const struct command commands[] = {
    {"serve", ex_cli_serve, "the daemon: runs jobs, shows metrics (the default)"},
    {"run", ex_cli_run, "runs one job in the foreground and shows how it goes"},
    {"plan", ex_cli_plan, "shows what would restart if a task failed; nothing runs"},
    {"check", ex_cli_check, "check config|job|listener|rules FILE: says whether it is good"},
    {"classify", ex_cli_classify, "says what kind of failure an output shows"},
    {"metrics", ex_cli_metrics, "lists the families of metrics; nothing is started"},
    {"submit", ex_cli_submit, "starts a job on a running daemon"},
    {"list", ex_cli_remote, "lists the jobs of a running daemon"},
    {"status", ex_cli_remote, "shows how a job is"},
    {"failures", ex_cli_remote, "shows why a job failed, the newest failure first"},
    {"logs", ex_cli_remote, "prints what a task has written"},
    {"cancel", ex_cli_remote, "cancels a job"},
    {"restart", ex_cli_remote, "restarts a job, or a task and what must restart with it"},
    {"pause", ex_cli_remote, "holds restarts of a job that come due"},
    {"resume", ex_cli_remote, "lets them go on"},
    {"replay", ex_cli_replay, "decides recorded failures again, under another configuration"},
    {"export", ex_cli_export, "writes the failures that are kept, one JSON object per line"},
    {"import", ex_cli_import, "adds such failures to the history"},
    {"backup", ex_cli_backup, "copies the state to a new file; the daemon may run"},
    {"healthcheck", ex_cli_healthcheck, "exit status 0 when a running daemon is ready"},
    {"version", ex_cli_version, "prints the version"},
    {"help", ex_cli_help, "prints this, or with a COMMAND its flags"},
};

static const struct command *find(const char *name) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int complain_unknown(const char *word) {
    struct ex_nearest nearest = ex_nearest_to(fo_str_of(word));
    struct fo_error error = {.code = -EINVAL};

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        ex_nearest_try(&nearest, fo_str_of(commands[i].name));
    if (nearest.distance <= EX_NEAREST_TYPING)
        (void)snprintf(error.text, sizeof error.text,
                       "\"%.60s\" is no command; did you mean %.*s? `failover_exporter help` "
                       "lists them",
                       word, (int)nearest.best.len, nearest.best.ptr);
    else
        (void)snprintf(error.text, sizeof error.text,
                       "\"%.60s\" is no command; `failover_exporter help` lists them", word);
    ex_cli_complain(NULL, &error);
    return EX_EXIT_FAILED;
}

int ex_cli_help(int argc, char **argv) {
    const struct command *command = argc > 1 ? find(argv[1]) : NULL;

    if (argc > 1 && !command)
        return complain_unknown(argv[1]);
    if (command && command->main != ex_cli_help)
        return command->main(2, (char *[]){argv[1], (char[]){"--help"}, NULL});
    (void)puts("usage: failover_exporter [COMMAND] [flags] [JOB...]\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        (void)printf("  %-11s %s\n", commands[i].name, commands[i].summary);
    (void)puts("\nfailover_exporter COMMAND --help says more.");
    return EX_EXIT_OK;
}

/* What could be a command but is none, nor the file of a job for the daemon. */
static bool is_mistyped(const char *word) {
    return word[0] != '-' && !strpbrk(word, "./") && access(word, F_OK) == -1;
}

/* What was printed is what was asked for: when it could not be written, that did not work. */
static int finish(int status) {
    struct fo_error error = {.code = -EIO};

    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    (void)snprintf(error.text, sizeof error.text, "standard output: %s",
                   errno != 0 ? strerrordesc_np(errno) : "not all of it could be written");
    ex_cli_complain(NULL, &error);
    return status == EX_EXIT_OK ? EX_EXIT_FAILED : status;
}

int main(int argc, char **argv) {
    const struct command *command = argc > 1 ? find(argv[1]) : NULL;

    if (argc > 1 && !command && is_mistyped(argv[1]))
        return complain_unknown(argv[1]);
    if (!command)
        return finish(ex_cli_serve(argc, argv));
    int status = command->main(argc - 1, argv + 1);
    return command->main == ex_cli_run ? status : finish(status); /* the job's, whoever reads */
}
