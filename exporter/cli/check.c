/* SPDX-License-Identifier: Apache-2.0 */
/* check WHAT FILE: says whether a file is good, and if not, where and why. */
#include <stdio.h>

#include "exporter/children/probe.h"
#include "exporter/cli/cli.h"
#include "exporter/cli/flags.h"
#include "exporter/config/config.h"
#include "exporter/daemon/catalogue_load.h"
#include "exporter/daemon/daemon.h"
#include "exporter/daemon/job_load.h"
#include "exporter/daemon/metrics_room.h"

struct options {
    const char *config_file;
    const char *listeners_path;
    bool help;
};

static void print_notices(const char *path, const struct ex_notices *notices) {
    for (size_t i = 0; i < notices->count; i++)
        (void)printf("%s:%d: note: %s\n", path, notices->items[i].line, notices->items[i].text);
}

static void print_note(void *ctx, const char *text) {
    (void)printf("%s: note: %s\n", *(const char *const *)ctx, text);
}

/* The file, the rule files that it names, and whether its listeners agree. */
static int check_config(const struct options *options, const char *path, const char **ret_file,
                        struct fo_error *reterr) {
    struct catalogue *catalogue = NULL;
    struct ex_config *config;

    *ret_file = path;
    int ret = ex_config_load(path, &config, reterr);
    if (ret < 0)
        return ret;
    print_notices(path, &config->notices);
    ret = ex_catalogue_load(config, NULL, &catalogue, reterr);
    if (ret == 0)
        ret = ex_listeners_check(config, options->listeners_path, print_note, &path, reterr);
    (void)catalogue_free(catalogue);
    (void)ex_config_unref(config);
    return ret;
}

static int check_job(const struct options *options, const char *path, const char **ret_file,
                     struct fo_error *reterr) {
    struct ex_config *config = NULL;
    struct ex_job_spec *spec = NULL;

    *ret_file = options->config_file;
    int ret = ex_config_load(options->config_file, &config, reterr);
    if (ret < 0)
        return ret;
    *ret_file = path;
    ret = ex_job_load(path, config, &spec, reterr);
    if (ret == 0)
        print_notices(path, &spec->notices);
    (void)ex_job_spec_unref(spec);
    (void)ex_config_unref(config);
    return ret;
}

static int check_web(const struct options *options, const char *path, const char **ret_file,
                     struct fo_error *reterr) {
    (void)options;
    *ret_file = path;
    return ex_http_check_web_config(path, reterr);
}

/* The name of a file without folder and extension: its entry under `listeners`. */
static struct fo_str listener_name(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return (struct fo_str){name, strcspn(name, ".")};
}

static void print_step(void *ctx, const char *text) {
    (void)printf("%s: %s\n", *(const char *const *)ctx, text);
}

static int check_listener(const struct options *options, const char *path, const char **ret_file,
                          struct fo_error *reterr) {
    struct ex_config *config = NULL;

    *ret_file = options->config_file;
    int ret = ex_config_load(options->config_file, &config, reterr);
    if (ret < 0)
        return ret;
    *ret_file = path;
    ret = ex_listener_probe(path, ex_config_listener(config, listener_name(path)), print_step,
                            &path, reterr);
    (void)ex_config_unref(config);
    return ret;
}

/* On an error *ret_file names the file that it is of. */
typedef int check_function(const struct options *options, const char *path, const char **ret_file,
                           struct fo_error *reterr);

static const struct {
    const char *what;
    check_function *check;
} checks[] = {
    {"config", check_config},
    {"job", check_job},
    {"listener", check_listener},
};

static int check_file(check_function *check, const struct options *options, const char *path) {
    struct fo_error error = {.text = "out of memory"};
    const char *file;

    if (check(options, path, &file, &error) < 0) {
        ex_cli_complain(file, &error);
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
    (void)snprintf(error.text, sizeof error.text,
                   "cannot check \"%.40s\": it is config, job, rules or listener", what);
    ex_cli_complain(NULL, &error);
    return EX_EXIT_FAILED;
}

/* Whether the metrics have room for the jobs: no reason to refuse, for jobs run without. */
static int print_metrics_room(const struct ex_daemon_options *daemon, int job_count) {
    struct fo_error error = {.text = "out of memory"};
    char text[EX_METRICS_ROOM_MAX_BYTES];
    struct ex_config *config;
    size_t room = 0;
    int ret = ex_config_load(daemon->config_file, &config, &error);

    if (ret == 0) {
        ret = ex_metrics_room_text(config, daemon->flink_names, text, &room);
        (void)ex_config_unref(config);
    }
    if (ret < 0) {
        ex_cli_complain(daemon->config_file, &error);
        return EX_EXIT_FAILED;
    }
    (void)printf("metrics: %s: %s\n", (size_t)job_count > room ? "warning" : "note", text);
    return EX_EXIT_OK;
}

int ex_cli_check_daemon(const struct ex_daemon_options *daemon, int job_count, char **jobs) {
    const struct options options = {.config_file = daemon->config_file,
                                    .listeners_path = daemon->listeners_path};
    int status = EX_EXIT_OK;

    if (daemon->config_file)
        status |= check_file(check_config, &options, daemon->config_file);
    if (daemon->door.web_config_path)
        status |= check_file(check_web, &options, daemon->door.web_config_path);
    if (status != EX_EXIT_OK) /* every job would fail for the same reason */
        return status;
    for (int i = 0; i < job_count; i++)
        status |= check_file(check_job, &options, jobs[i]);
    return status | print_metrics_room(daemon, job_count);
}

int ex_cli_check(int argc, char **argv) {
    struct options options = {0};
    const struct ex_flag flags[] = {
        {"config.file", EX_FLAG_TEXT, &options.config_file, "FILE",
         "Cluster configuration that a job or a listener is checked with."},
        {"listeners.path", EX_FLAG_TEXT, &options.listeners_path, "DIR",
         "Folder of the listeners that a configuration names."},
        EX_FLAGS_HELP(&options.help),
    };
    const struct ex_cli_command command = {
        .usage = "check [flags] config|job|rules|listener FILE",
        .about = "Says whether a file is good: exit 0, or 1 with file, line and reason.",
        .flags = flags,
        .flag_count = sizeof flags / sizeof *flags,
        .help = &options.help,
        .usage_error = EX_EXIT_FAILED,
    };
    int status;

    int count = ex_cli_start(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if (count > 0 && strcmp(argv[1], "rules") == 0)
        return ex_cli_check_rules(count, argv + 1);
    if (count != 2) {
        ex_cli_complain(
            NULL,
            &(struct fo_error){
                .text = "check takes what to check (config, job, rules or listener) and a file"});
        return EX_EXIT_FAILED;
    }
    return run_check(&options, argv[1], argv[2]);
}
