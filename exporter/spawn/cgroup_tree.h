/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/spawn/cgroup_tree.h - small reads and writes in a control group file system; used by
 * cgroup.c and cgroup_find.c only. Paths are relative to a folder's descriptor. Threads: any. */
#ifndef EX_SPAWN_CGROUP_TREE_H
#define EX_SPAWN_CGROUP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* False: the file is not there or does not take it. */
bool ex_cgroup_file_write(int folder_fd, const char *path, const char *text);

/* Reads a small file whole, terminated. False: it cannot be read or does not fit. */
bool ex_cgroup_file_read(int folder_fd, const char *path, char *text, size_t size);

/* The number in the line "`key` number"; -1: no such file, line or number. */
int64_t ex_cgroup_file_number(int folder_fd, const char *path, const char *key);

/* Signals every process listed in the file. False: it cannot be read. */
bool ex_cgroup_file_signal(int folder_fd, const char *path, int signal_number);

/* Whether `pid` is listed in the file. */
bool ex_cgroup_file_lists(int folder_fd, const char *path, pid_t pid);

/* Removes a group with the groups that its processes made below it. False: something lives in it.
 */
bool ex_cgroup_folder_remove(int folder_fd, const char *path);

#endif
