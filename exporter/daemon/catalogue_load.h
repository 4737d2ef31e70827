/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/daemon/catalogue_load.h - the categoriser as the configuration wants it: the built-in
 * rules with the user's files before and after them, rules switched off, redaction. Threads:
 * [main]. */
#ifndef EX_DAEMON_CATALOGUE_LOAD_H
#define EX_DAEMON_CATALOGUE_LOAD_H

#include "exporter/config/config.h"
#include "listeners/catalogue/catalogue.h"

/* Also refuses (-EINVAL, with the line) policies that match a cause which no rule has.
 * `cache_dir` holds the compiled rules; NULL = they are compiled each time. Errors as
 * catalogue_new() and ex_tree_load(); `reterr` names the file in its text. */
FO_MUST_CHECK int ex_catalogue_load(const struct ex_config *config, const char *cache_dir,
                                    struct catalogue **ret_catalogue, struct fo_error *reterr);

#endif
