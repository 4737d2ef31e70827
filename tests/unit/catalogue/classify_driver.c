/* SPDX-License-Identifier: Apache-2.0 */
/* The two commands without the rest of the program: `classify ...` and `check rules ...`. */
#include <string.h>

#include "exporter/cli/cli.h"

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "classify") == 0)
        return ex_cli_classify(argc - 1, argv + 1);
    if (argc > 2 && strcmp(argv[1], "check") == 0 && strcmp(argv[2], "rules") == 0)
        return ex_cli_check_rules(argc - 2, argv + 2);
    return 2;
}
