/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/config/config.h"
#include "exporter/config/fail.h"

/* Reads one file that the configuration names, relative to its folder. */
static int check_file(const struct ex_config *config, const char *name, char **ret_file,
                      struct fo_error *reterr) {
    struct ex_tree *tree = NULL;
    char *path = NULL;

    if (asprintf(&path, "%s%s%s", name[0] == '/' ? "" : config->folder, name[0] == '/' ? "" : "/",
                 name) == -1)
        return ex_fail(reterr, -ENOMEM, 0, "out of memory");
    int rc = ex_tree_load(path, NULL, &tree, reterr);
    ex_tree_free(tree);
    if (rc == 0)
        free(path);
    else
        *ret_file = path;
    return rc;
}

static int check_files(const struct ex_config *config, const json_t *names, char **ret_file,
                       struct fo_error *reterr) {
    int rc = 0;

    for (size_t i = 0; i < json_array_size(names) && rc == 0; i++)
        rc = check_file(config, json_string_value(json_array_get(names, i)), ret_file, reterr);
    return rc;
}

int ex_config_check(const char *path, struct ex_config **ret_config, char **ret_file,
                    struct fo_error *reterr) {
    struct ex_config *config = NULL;
    int rc = ex_config_load(path, &config, reterr);

    *ret_file = NULL;
    for (uint32_t i = 0; rc == 0 && i < config->listener_count; i++) {
        rc = check_files(config, config->listeners[i].before, ret_file, reterr);
        if (rc == 0)
            rc = check_files(config, config->listeners[i].files, ret_file, reterr);
    }
    if (rc != 0) {
        ex_config_unref(config);
        return rc;
    }
    *ret_config = config;
    return 0;
}
