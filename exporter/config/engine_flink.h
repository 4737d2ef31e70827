/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/engine_flink.h - the entry of a Flink engine under `engines`, read and checked.
 * Owns: everything it points to. Threads: immutable once made. */
#ifndef EX_CONFIG_ENGINE_FLINK_H
#define EX_CONFIG_ENGINE_FLINK_H

#include "exporter/config/fields.h"

enum {
    EX_FLINK_URLS_MAX = 1024,
    EX_FLINK_FILES_MAX = 64,
    EX_FLINK_LABELS_MAX = 32,
    EX_FLINK_URL_MAX_BYTES = 1024,
    EX_FLINK_EXCEPTIONS_MAX = 1000, /* of one answer */
};

struct ex_flink_settings {
    char **urls;  /* of JobManagers, without a slash at the end; NULL-terminated, like all here */
    char **files; /* that list further ones; absolute, or below `folder` of the configuration */
    int64_t interval_ms;             /* from one poll to the next */
    int64_t checkpoints_interval_ms; /* of one job */
    int64_t timeout_ms;              /* of one request */
    uint64_t answer_max_bytes;       /* of one answer */
    uint32_t max_exceptions;
    char *ca_file; /* NULL = the system's */
    char *cert_file;
    char *key_file;
    bool insecure; /* no check of the server's certificate */
    char *user;
    char *password_file;
    char *bearer_token_file;
    char *label_prefix; /* of Flink's own failure labels; "" is one */
    char **labels;      /* the keys of these that are exported, without the prefix */
};

/* Checks the entry of an engine. -EINVAL with line, -ENOMEM. */
FO_MUST_CHECK int ex_flink_settings_read(const struct ex_tree *tree, json_t *entry,
                                         struct ex_flink_settings **ret_settings,
                                         struct fo_error *reterr);
/* NULL allowed; returns NULL. */
struct ex_flink_settings *ex_flink_settings_free(struct ex_flink_settings *settings);

/* The settings of an engine that an address was given for, and nothing else. NULL: no memory. */
struct ex_flink_settings *ex_flink_settings_default(void);

/* An address of a JobManager as we ask it: http or https, a host, maybe a path; no user, query or
 * fragment; slashes at the end are cut off, and without a scheme it is http. The caller frees
 * *ret_url. -EINVAL, -ENOMEM. */
FO_MUST_CHECK int ex_flink_url_read(struct fo_str text, char **ret_url);

#endif
