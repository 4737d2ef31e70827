/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/catalogue/builtin_database.h - the built-in rules as compiled when the program was
 * built: a serialised database of the matcher, of the patterns of all built-in rules in their
 * order, for any processor of this architecture. Empty when it could not be made because the
 * program was built for another machine. */
#ifndef LISTENERS_CATALOGUE_BUILTIN_DATABASE_H
#define LISTENERS_CATALOGUE_BUILTIN_DATABASE_H

#include "failover/types.h"

/* Constant; lives as long as the program. [any] */
struct fo_str catalogue_builtin_database(void);

#endif
