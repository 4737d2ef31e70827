/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/settings.h - flat settings: Flink's keys (and ours that stand beside them), each
 * with the text of its value and the line where it was found; and the notices that reading them
 * gives. Owns: everything it points to. Threads: none while filled, then immutable. */
#ifndef EX_CONFIG_SETTINGS_H
#define EX_CONFIG_SETTINGS_H

#include <stdbool.h>

#include "exporter/config/tree.h"

struct ex_settings {
    json_t *values; /* object: key -> string */
    json_t *lines;  /* object: key -> integer; a key may be missing */
};

/* What somebody should read about a file that is right nevertheless. */
struct ex_notice {
    int line;
    char *text;
};

struct ex_notices {
    struct ex_notice *items;
    size_t count;
};

/* -ENOMEM. ex_settings_done() also ends a zeroed one. */
FO_MUST_CHECK int ex_settings_init(struct ex_settings *settings);
void ex_settings_done(struct ex_settings *settings);

/* Adds a value. -EEXIST: the key is there; -E2BIG: more than 4096 of them; -ENOMEM. */
FO_MUST_CHECK int ex_settings_add(struct ex_settings *settings, const char *key,
                                  struct fo_str value, int line, struct fo_error *reterr);

/* The text of a value; borrowed. `ptr` is NULL when there is none: an empty text is not. */
struct fo_str ex_settings_get(const struct ex_settings *settings, const char *key);
int ex_settings_line(const struct ex_settings *settings, const char *key); /* 0 = unknown */

/* Adds member `key` of `object` (nested or dotted) under its full name `prefix`.`key` (prefix ""
 * = none). A list becomes a text joined by ','. A member that is null is left out, except for
 * jobmanager.failure-enrichers, where nothing means "none". -EINVAL: nested lists. Also the errors
 * of ex_settings_add(). */
FO_MUST_CHECK int ex_settings_add_member(struct ex_settings *settings, const struct ex_tree *tree,
                                         const json_t *object, const char *prefix, const char *key,
                                         struct fo_error *reterr);

/* -ENOMEM. */
FO_MUST_CHECK int ex_notices_add(struct ex_notices *notices, int line, const char *format, ...)
    FO_PRINTF(3, 4);
void ex_notices_done(struct ex_notices *notices);

#endif
