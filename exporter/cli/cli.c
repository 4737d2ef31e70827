/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/cli.h"

#include <stdio.h>

#include "exporter/cli/flags.h"

void ex_cli_complain(const char *file, const struct fo_error *error) {
    (void)fprintf(stderr, "failover_exporter: ");
    if (file)
        (void)fprintf(stderr, "%s:", file);
    if (file && error->line > 0)
        (void)fprintf(stderr, "%d:", error->line);
    (void)fprintf(stderr, "%s%s\n", file ? " " : "", error->text);
}

int ex_cli_start(const struct ex_cli_command *command, int argc, char **argv, int *ret_status) {
    struct fo_error error;
    int count;

    int ret = ex_flags_parse(command->flags, command->flag_count, argc, argv, &count, &error);
    if (ret < 0) {
        ex_cli_complain(NULL, &error);
        *ret_status = command->usage_error;
        return -1;
    }
    if (*command->help) {
        (void)printf("usage: failover_exporter %s\n\n%s\n\nFlags:\n", command->usage,
                     command->about);
        ex_flags_print(command->flags, command->flag_count, stdout);
        *ret_status = EX_EXIT_OK;
        return -1;
    }
    return count;
}
