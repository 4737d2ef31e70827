/* SPDX-License-Identifier: Apache-2.0 */
/* check WHAT FILE: says whether a file is good, and if not, where and why. */
#include <stdio.h>
#include <sys/resource.h>

#include "exporter/cli/cli.h"
#include "exporter/cli/flags.h"
#include "exporter/config/config.h"
#include "exporter/config/job_file.h"
#include "exporter/daemon/catalogue_load.h"
#include "exporter/daemon/daemon.h"

struct options {
    const char *config_file;
    bool help;
};

static void print_notices(const char *path, const struct ex_notices *notices) {
    for (size_t i = 0; i < notices->count; i++)
        (void)printf("%s:%d: note: %s\n", path, notices->items[i].line, notices->items[i].text);
}

/* The file, and the rule files that it names. */
static int check_config(const struct options *options, const char *path, struct fo_error *reterr) {
    struct catalogue *catalogue = NULL;
    struct ex_config *config;

    (void)options;
    int ret = ex_config_load(path, &config, reterr);
    if (ret < 0)
        return ret;
    print_notices(path, &config->notices);
    ret = ex_catalogue_load(config, NULL, &catalogue, reterr);
    (void)catalogue_free(catalogue);
    (void)ex_config_unref(config);
    return ret;
}

static int check_job(const struct options *options, const char *path, struct fo_error *reterr) {
    struct ex_config *config = NULL;
    struct ex_job_spec *spec = NULL;
    struct rlimit descriptors;

    int ret = ex_config_load(options->config_file, &config, reterr);
    if (ret == 0)
        ret = ex_job_file_load(path, config, &spec, reterr);
    if (ret == 0)
        print_notices(path, &spec->notices);
    if (ret == 0 && getrlimit(RLIMIT_NOFILE, &descriptors) == 0)
        ret = ex_job_check_resources(spec, descriptors.rlim_max, reterr);
    (void)ex_job_spec_unref(spec);
    (void)ex_config_unref(config);
    return ret;
}

static int check_web(const struct options *options, const char *path, struct fo_error *reterr) {
    (void)options;
    return ex_http_check_web_config(path, reterr);
}

typedef int check_function(const struct options *options, const char *path,
                           struct fo_error *reterr);

static const struct {
    const char *what;
    check_function *check;
} checks[] = {
    {"config", check_config},
    {"job", check_job},
};

static int check_file(check_function *check, const struct options *options, const char *path) {
    struct fo_error error = {.text = "out of memory"};

    if (check(options, path, &error) < 0) {
        ex_cli_complain(path, &error);
        return EX_EXIT_FAILED;
    }
    (void)printf("%s: good\n", path);
    return EX_EXIT_OK;
}

static int run_check(const struct options *options, const char *what, const char *path) {
    struct fo_error error;

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        if (strcmp(what, checks[i].what) == 0)
            return check_file(checks[i].check, options, path);
    }
    (void)snprintf(error.text, sizeof error.text, "cannot check \"%.40s\"; see --help", what);
    ex_cli_complain(NULL, &error);
    return EX_EXIT_FAILED;
}

int ex_cli_check_daemon(const struct ex_daemon_options *daemon, int job_count, char **jobs) {
    const struct options options = {.config_file = daemon->config_file};
    int status = EX_EXIT_OK;

    if (daemon->config_file)
        status |= check_file(check_config, &options, daemon->config_file);
    if (daemon->door.web_config_path)
        status |= check_file(check_web, &options, daemon->door.web_config_path);
    if (status != EX_EXIT_OK) /* every job would fail for the same reason */
        return status;
    for (int i = 0; i < job_count; i++)
        status |= check_file(check_job, &options, jobs[i]);
    return status;
}

int ex_cli_check(int argc, char **argv) {
    struct options options = {0};
    const struct ex_flag flags[] = {
        {"config.file", EX_FLAG_TEXT, &options.config_file, "FILE",
         "Cluster configuration that a job is checked with."},
        {"help", EX_FLAG_BOOL, &options.help, "", "Print this help."},
        {"h", EX_FLAG_BOOL, &options.help, "", "Print this help."},
    };
    const struct ex_cli_command command = {
        .usage = "check [flags] config|job|rules FILE",
        .about = "Says whether a file is good: exit 0, or 1 with file, line and reason.",
        .flags = flags,
        .flag_count = sizeof flags / sizeof *flags,
        .help = &options.help,
        .usage_error = EX_EXIT_FAILED,
    };
    int status;

    if (argc > 1 && strcmp(argv[1], "rules") == 0)
        return ex_cli_check_rules(argc - 1, argv + 1);
    int count = ex_cli_start(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if (count != 2) {
        ex_cli_complain(
            NULL, &(struct fo_error){.text = "check takes what to check and a file; see --help"});
        return EX_EXIT_FAILED;
    }
    return run_check(&options, argv[1], argv[2]);
}
