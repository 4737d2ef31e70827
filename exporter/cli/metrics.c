/* SPDX-License-Identifier: Apache-2.0 */
/* metrics [--json] [--metrics.flink-names]: every family that the daemon shows, without starting
 * it. docs/metrics.md and metrics.json are what this prints. */
#include <stdio.h>

#include "exporter/base/buffer.h"
#include "exporter/cli/cli.h"
#include "exporter/cli/flags.h"
#include "exporter/daemon/daemon.h"

enum { MANIFEST_MAX_BYTES = 1024 * 1024 };

static int print_manifest(bool json, bool flink_names) {
    struct fo_error error = {.text = "out of memory"};
    struct ex_buffer manifest;
    int status = EX_EXIT_OK;

    ex_buffer_init(&manifest, MANIFEST_MAX_BYTES);
    int ret = ex_daemon_manifest(uv_default_loop(), json, flink_names, &manifest, &error);
    if (ret < 0)
        ex_cli_complain(NULL, &error);
    if (ret < 0 || fputs(ex_buffer_text(&manifest), stdout) == EOF || fflush(stdout) == EOF)
        status = EX_EXIT_FAILED;
    ex_buffer_done(&manifest);
    return status;
}

int ex_cli_metrics(int argc, char **argv) {
    bool json = false;
    bool flink_names = false;
    bool help = false;
    const struct ex_flag flags[] = {
        {"json", EX_FLAG_BOOL, &json, "", "As one JSON object instead of a Markdown page."},
        {"metrics.flink-names", EX_FLAG_BOOL, &flink_names, "",
         "With those that this flag of serve adds."},
        EX_FLAGS_HELP(&help),
    };
    const struct ex_cli_command command = {
        .usage = "metrics [--json] [--metrics.flink-names]",
        .about = "Lists every family of metrics with its type, unit, labels and cardinality; "
                 "nothing is started.",
        .flags = flags,
        .flag_count = sizeof flags / sizeof *flags,
        .help = &help,
        .usage_error = EX_EXIT_FAILED,
    };
    int status;

    int count = ex_cli_start(&command, argc, argv, &status);
    if (count < 0)
        return status;
    if (count > 0) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "metrics takes no arguments; see --help"});
        return EX_EXIT_FAILED;
    }
    return print_manifest(json, flink_names);
}
