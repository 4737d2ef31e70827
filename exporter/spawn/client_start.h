/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/client_start.h - the two ways to a spawner: a child of ours, or the service of its
 * own that a service manager starts for each who connects.
 * Owns: nothing. Threads: none, the caller serialises. */
#ifndef EX_SPAWN_CLIENT_START_H
#define EX_SPAWN_CLIENT_START_H

#include <sys/types.h>

#include "exporter/base/companion.h"
#include "exporter/spawn/protocol.h"

/* Where the program is: `given`, or as ex_companion_find() says, with its errors. */
FO_MUST_CHECK int ex_spawner_program(const char *given,
                                     char ret_path[static EX_COMPANION_PATH_SIZE]);

/* Starts `program` as a child, with `name` for its cgroup folders, and gives our end of the socket
 * to it. Neither text is changed; posix_spawn() wants them like this. -errno. */
FO_MUST_CHECK int ex_spawner_fork(char *program, char *name, pid_t *ret_pid, int *ret_socket);

/* Connects to the socket at `path`. -EPERM: who listens there is neither our own user nor root.
 * -EAGAIN: it is overrun. -errno of socket() and connect(). */
FO_MUST_CHECK int ex_spawner_connect(const char *path, int *ret_socket);

/* Waits for a spawner's first word. -ECONNREFUSED: it has hung up, for it could not be started or
 * does not take us. -EPROTO: no word of a spawner. -ETIMEDOUT. */
FO_MUST_CHECK int ex_spawner_await(int socket, struct ex_spawn_report *ret_report);

/* Tells a spawner that is no child of ours to end, and waits until nothing that it started is
 * alive.
 */
void ex_spawner_hang_up(int socket);

#endif
