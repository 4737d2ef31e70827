/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/spawn/alive.h - looks for processes that a test has started, by a word in their
 * arguments. Only descendants of this process count, so that copies of a test do not see each
 * other's; who kills a daemon and asks for what it left must be a subreaper by then. */
#ifndef TESTS_UNIT_SPAWN_ALIVE_H
#define TESTS_UNIT_SPAWN_ALIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A live descendant of this process (no zombie) that has `word` as one of its arguments; 0 = none.
 */
pid_t alive_find(const char *word);

/* How many of them there are. Whoever asks whether all have gone waits until all were there: one
 * that is still changing its program has not the word yet. */
size_t alive_count(const char *word);

/* As alive_find() among the children of `parent`. */
pid_t alive_find_child(pid_t parent, const char *word);

/* What the dead leave behind comes to this process from now on. */
bool alive_adopt(void);

#endif
