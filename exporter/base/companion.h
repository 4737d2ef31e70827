/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/base/companion.h - finds what was built and installed together with our program: helper
 * programs, the folder of plug-ins. Owns: nothing. Threads: any. */
#ifndef EX_BASE_COMPANION_H
#define EX_BASE_COMPANION_H

#include "failover/types.h"

#define EX_COMPANION_PATH_SIZE 4096

/* Writes where `name` lies: beside our own program, as in a build folder, else below libexec, which
 * is sought from our own program too, so that an installed tree may be moved. -ENOENT: in neither
 * place, and ret_path says where it should be installed. -ENAMETOOLONG, or what /proc says. */
FO_MUST_CHECK int ex_companion_find(const char *name, char ret_path[static EX_COMPANION_PATH_SIZE]);

#endif
