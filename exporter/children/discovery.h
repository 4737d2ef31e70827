/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/discovery.h - finds the file of a listener: `<plugins>/<any folder>/<file>`,
 * a library (.so) or an executable. A file answers to its name without the part from the last dot
 * on and without a leading "lib", and, where it is the only one there, to its folder's name.
 * Nothing is run to find out. Owns: nothing. Threads: any. */
#ifndef EX_CHILDREN_DISCOVERY_H
#define EX_CHILDREN_DISCOVERY_H

#include "failover/types.h"

/* *ret_path is absolute and the caller's. -ENOENT: there is none; -EEXIST: there are two. -ENOMEM,
 * or what reading the folder says. `reterr` tells it with the folder. */
FO_MUST_CHECK int ex_listener_find(const char *plugins, struct fo_str name, char **ret_path,
                                   struct fo_error *reterr);

/* -EACCES: the file, or a folder on its way, belongs to somebody else than root and us, or others
 * may write it. A folder of root's with the sticky bit (/tmp) is no harm: others cannot replace
 * what is ours in it. `path` is absolute and resolved. */
FO_MUST_CHECK int ex_listener_check_owner(const char *path, struct fo_error *reterr);

/* The folder that is used without --listeners.path: `plugins` beside our program, else the
 * installed one. The caller frees it. NULL: no memory. */
char *ex_listener_default_folder(void);

/* failover_listener_host beside our program, else the installed one. The caller frees it. NULL: it
 * is not there. */
char *ex_listener_host_program(void);

#endif
