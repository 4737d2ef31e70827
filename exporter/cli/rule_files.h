/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/rule_files.h - a catalogue made of the built-in rules and of rule files.
 * Threads: [main]. */
#ifndef EX_CLI_RULE_FILES_H
#define EX_CLI_RULE_FILES_H

#include "listeners/catalogue/catalogue.h"

/* The built-in rules, then those of the files, in order. 0: the caller owns *ret_catalogue.
 * Otherwise *reterr says "FILE:LINE: what", and the errno is that of catalogue_new() or of reading
 * the file. */
FO_MUST_CHECK int ex_rule_files_load(const char *const *paths, size_t count,
                                     struct catalogue **ret_catalogue, struct fo_error *reterr);

#endif
