/* SPDX-License-Identifier: Apache-2.0 */
/* check_web_config FILE: exit 0, or 1 with FILE:LINE: reason. */
#include <stdio.h>

#include "exporter/http/http.h"

int main(int argc, char **argv) {
    struct fo_error error = {0};

    if (argc != 2)
        return 2;
    if (ex_http_check_web_config(argv[1], &error) == 0)
        return 0;
    (void)printf("%s:%d: %s\n", argv[1], error.line, error.text);
    return 1;
}
