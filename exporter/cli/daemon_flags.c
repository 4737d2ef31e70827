/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/daemon_flags.h"

#include <limits.h>

#include "exporter/base/log.h"
#include "exporter/cli/cli.h"
#include "exporter/http/host.h"

/* The last so many flags of the list are not for `run`. */
enum { SERVE_ONLY = 5 };

static const char default_address[] = ":10912";

static const struct {
    const char *usage;
    const char *about;
    size_t hidden; /* flags at the end of the list */
    int usage_error;
} commands[] = {
    [EX_COMMAND_SERVE] = {"[serve] [flags] [JOB...]",
                          "Runs jobs and serves their metrics until it is told to stop. This is "
                          "the daemon; `failover_exporter help` lists the other commands.",
                          0, EX_EXIT_FAILED},
    [EX_COMMAND_RUN] = {"run [flags] JOB",
                        "Runs one job in the foreground, with its metrics served meanwhile. Exit "
                        "status: 0 finished, 1 failed, 130 cancelled, 2 bad input.",
                        SERVE_ONLY, EX_EXIT_USAGE},
};

struct choices {
    const char *log_level;
    const char *log_format;
    const char *route_prefix;
    uint64_t max_requests;
    uint64_t max_response_bytes;
    bool disable_exporter_metrics;
    bool version;
    bool help;
};

static int find_word(const char *word, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return (int)i;
    }
    return -1;
}

static int configure_log(const struct choices *choices) {
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    static const char *const formats[] = {"logfmt", "json"};
    int level = find_word(choices->log_level, levels, sizeof levels / sizeof *levels);
    int format = find_word(choices->log_format, formats, sizeof formats / sizeof *formats);

    if (level < 0 || format < 0) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "--log.level is debug, info, warn or "
                                                         "error; --log.format is logfmt or json"});
        return -1;
    }
    ex_log_configure((enum ex_log_level)level, (enum ex_log_format)format);
    return 0;
}

/* The defaults; what `run` shows on the terminal should not be torn up by log lines. */
static void set_defaults(struct ex_daemon_flags *flags, struct choices *choices,
                         enum ex_command command) {
    *flags = (struct ex_daemon_flags){
        .daemon = {.door = {.telemetry_path = "/metrics", .timeout_offset_ms = 500}}};
    *choices = (struct choices){
        .log_level = command == EX_COMMAND_RUN ? "error" : "info",
        .log_format = "logfmt",
        .max_requests = 40,
    };
}

/* What is to be told of how the read door is reached. */
static int check_names(struct ex_daemon_flags *flags, const struct choices *choices,
                       struct fo_error *reterr) {
    const struct ex_flag_list *hosts = &flags->allowed_hosts;
    int ret = ex_http_prefix_of(choices->route_prefix, flags->daemon.door.external_url,
                                flags->prefix, reterr);

    for (size_t i = 0; i < hosts->count && ret == 0; i++)
        ret = ex_http_host_check_names(hosts->items[i], reterr);
    return ret;
}

/* 0, or -EINVAL with a complaint. */
static int finish(struct ex_daemon_flags *flags, const struct choices *choices,
                  enum ex_command command) {
    struct fo_error error;
    int ret = check_names(flags, choices, &error);
    if (ret < 0) {
        ex_cli_complain(NULL, &error);
        return ret;
    }
    bool unlimited = choices->max_requests == 0 || choices->max_requests > UINT_MAX;

    if (flags->addresses.count == 0 && !flags->systemd_socket)
        flags->addresses = (struct ex_flag_list){.items = {default_address}, .count = 1};
    flags->daemon.door.addresses = flags->addresses.items;
    flags->daemon.door.address_count = flags->addresses.count;
    flags->daemon.door.prefix = flags->prefix;
    flags->daemon.door.allowed_hosts = flags->allowed_hosts.items;
    flags->daemon.door.allowed_host_count = flags->allowed_hosts.count;
    flags->daemon.door.any_port = command == EX_COMMAND_RUN;
    flags->daemon.door.max_requests = unlimited ? UINT_MAX : (unsigned)choices->max_requests;
    flags->daemon.door.max_response_bytes = choices->max_response_bytes;
    flags->daemon.keep_state = command == EX_COMMAND_SERVE;
    flags->daemon.control.enabled = command == EX_COMMAND_SERVE;
    flags->daemon.control.addresses = flags->control_addresses.items;
    flags->daemon.control.address_count = flags->control_addresses.count;
    flags->daemon.exporter_metrics = !choices->disable_exporter_metrics;
    return 0;
}

/* 0; or -1: there is nothing left to do but to end with *ret_status. */
static int apply(struct ex_daemon_flags *flags, const struct choices *choices,
                 enum ex_command command, int *ret_status) {
    if (choices->version) {
        *ret_status = ex_cli_version(0, NULL);
        return -1;
    }
    if (configure_log(choices) < 0 || finish(flags, choices, command) < 0) {
        *ret_status = commands[command].usage_error;
        return -1;
    }
    return 0;
}

int ex_daemon_flags_parse(struct ex_daemon_flags *flags, enum ex_command command, int argc,
                          char **argv, int *ret_status) {
    struct ex_daemon_options *daemon = &flags->daemon;
    struct choices choices;
    const struct ex_flag list[] = {
        {"config.file", EX_FLAG_TEXT, &daemon->config_file, "FILE", "Cluster configuration."},
        {"storage.path", EX_FLAG_TEXT, &daemon->storage_path, "DIR",
         "Where files and state are kept; without it, in a private temporary directory."},
        {"listeners.path", EX_FLAG_TEXT, &daemon->listeners_path, "DIR",
         "Folder of failure listeners (plugins beside the program)."},
        {"web.listen-address", EX_FLAG_LIST, &flags->addresses, "ADDR",
         "Address of the read door; may be repeated (:10912)."},
        {"web.telemetry-path", EX_FLAG_TEXT, &daemon->door.telemetry_path, "PATH",
         "Path of the metrics (/metrics)."},
        {"web.external-url", EX_FLAG_TEXT, &daemon->door.external_url, "URL",
         "Where the read door is reached from outside, such as behind a proxy."},
        {"web.route-prefix", EX_FLAG_TEXT, &choices.route_prefix, "PATH",
         "What stands before all its paths (the path of --web.external-url)."},
        {"web.allowed-hosts", EX_FLAG_LIST, &flags->allowed_hosts, "NAMES",
         "Names by which browsers here may call the read door, beside localhost and addresses."},
        {"web.config.file", EX_FLAG_TEXT, &daemon->door.web_config_path, "FILE",
         "TLS, passwords, rate limit, as every Prometheus exporter reads them."},
        {"web.max-requests", EX_FLAG_COUNT, &choices.max_requests, "N",
         "Requests at a time; 503 beyond, 0 for no limit (40)."},
        {"web.max-response-bytes", EX_FLAG_COUNT, &choices.max_response_bytes, "N",
         "Size of a page of metrics as sent; 503 beyond, 0 for no limit (0)."},
        {"web.timeout-offset", EX_FLAG_DURATION, &daemon->door.timeout_offset_ms, "TIME",
         "Taken off the scrape deadline that Prometheus announces (500 ms)."},
        {"web.openmetrics-created", EX_FLAG_BOOL, &daemon->door.created_lines, "",
         "Add _created lines in OpenMetrics."},
        {"web.public-status", EX_FLAG_BOOL, &daemon->door.public_status, "",
         "Let everybody read the REST API, not only loopback and users."},
        {"control.listen-address", EX_FLAG_LIST, &flags->control_addresses, "ADDR",
         "TCP address for commands; needs a token or TLS with roles. May be repeated."},
        {"control.token-file", EX_FLAG_TEXT, &daemon->control.token_file, "FILE",
         "A file of mode 0600 with the token that allows everything at those addresses."},
        {"web.disable-exporter-metrics", EX_FLAG_BOOL, &choices.disable_exporter_metrics, "",
         "Leave out process_*, and which build this is."},
        {"metrics.flink-names", EX_FLAG_BOOL, &daemon->flink_names, "",
         "Show jobs also as flink_jobmanager_job_*, for dashboards made for Flink."},
        {"metrics.allowlist", EX_FLAG_TEXT, &daemon->metrics_allowlist, "LIST",
         "Metric families to show, * for any characters (metrics.allowlist of the configuration)."},
        {"metrics.denylist", EX_FLAG_TEXT, &daemon->metrics_denylist, "LIST",
         "Metric families not to show (metrics.denylist of the configuration)."},
        {"log.level", EX_FLAG_TEXT, &choices.log_level, "LEVEL", "debug, info, warn or error."},
        {"log.format", EX_FLAG_TEXT, &choices.log_format, "FORMAT", "logfmt or json."},
        {"version", EX_FLAG_BOOL, &choices.version, "", "Print the version."},
        EX_FLAGS_HELP(&choices.help),
        {"web.systemd-socket", EX_FLAG_BOOL, &flags->systemd_socket, "",
         "Serve the sockets that systemd hands over, instead of the default address."},
        {"storage.standby", EX_FLAG_BOOL, &daemon->standby, "",
         "Wait for as long as another daemon has the storage path, then take over."},
        {"rerun", EX_FLAG_BOOL, &daemon->rerun, "", "Run job files again whose jobs have ended."},
        {"spawner.socket", EX_FLAG_TEXT, &daemon->spawner_socket, "PATH",
         "Socket of a failover_spawn that is a service of its own; without it, one is started."},
        {"config.check", EX_FLAG_BOOL, &flags->check_only, "",
         "Say whether all files are good (exit 0) or not (1); nothing is started."},
    };
    const size_t count = sizeof list / sizeof *list;
    const struct ex_cli_command about = {
        .usage = commands[command].usage,
        .about = commands[command].about,
        .flags = list,
        .flag_count = count - commands[command].hidden,
        .help = &choices.help,
        .usage_error = commands[command].usage_error,
    };

    set_defaults(flags, &choices, command);
    int positional = ex_cli_start(&about, argc, argv, ret_status);
    if (positional < 0)
        return -1;
    return apply(flags, &choices, command, ret_status) < 0 ? -1 : positional;
}
