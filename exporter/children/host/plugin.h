/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/children/host/plugin.h - a listener library as a listener child: loads it and turns the
 * child protocol into calls of its ABI (failover/listener.h), and what it says into lines.
 * Owns: the library until the end of the process. Threads: [main]; what the library calls on its
 * host may come from any thread. */
#ifndef EX_CHILDREN_HOST_PLUGIN_H
#define EX_CHILDREN_HOST_PLUGIN_H

/* Serves until the end of `input_fd`. Returns the exit status of the process; what is wrong is told
 * by the first line. */
int plugin_serve(const char *path, int input_fd, int output_fd);

#endif
