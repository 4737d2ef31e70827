/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/config_read.h - the sections of the configuration file. For config*.c only. */
#ifndef EX_CONFIG_CONFIG_READ_H
#define EX_CONFIG_CONFIG_READ_H

#include "exporter/config/config.h"
#include "exporter/config/fields.h"

/* Each reads its member of the root, if it is there, into `config`. -EINVAL with the line; -ENOMEM.
 */
FO_MUST_CHECK int ex_config_read_listeners(struct ex_config *config, const struct ex_fields *root);
FO_MUST_CHECK int ex_config_read_engines(struct ex_config *config, const struct ex_fields *root);
/* `section` holds `key`, a map from users to their roles. */
FO_MUST_CHECK int ex_config_read_roles(struct ex_config *config, const struct ex_fields *section,
                                       const char *key);

/* Frees what the readers allocated. */
void ex_config_free_sections(struct ex_config *config);

#endif
