/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "exporter/base/build_info.h"
#include "exporter/cli/cli.h"

/* The layout that every Prometheus exporter prints. */
int ex_cli_version(int argc, char **argv) {
    const struct ex_build_info *info = ex_build_info();

    (void)argc;
    (void)argv;
    (void)printf("failover_exporter, version %s (branch: %s, revision: %s)\n", info->version,
                 info->branch, info->revision);
    (void)printf("  build user:       %s\n", info->user);
    (void)printf("  build date:       %s\n", info->date);
    (void)printf("  compiler:         %s\n", info->compiler);
    (void)printf("  platform:         %s/%s\n", info->os, info->arch);
    (void)printf("  tags:             %s\n", info->tags);
    return EX_EXIT_OK;
}
