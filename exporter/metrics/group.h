/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/group.h - the life of a group, for the sources of this room.
 * Threads: told per function; [scraper] holds ex_metrics.scrape_lock. */
#ifndef EX_METRICS_GROUP_H
#define EX_METRICS_GROUP_H

#include "exporter/metrics/model.h"

/* A bracket for creating series that works inside another as well: opens one unless there is one,
 * and says whether it did. [writer] */
bool ex_group_open(struct ex_group *group);
void ex_group_close(struct ex_group *group, bool opened);

/* Brings the group's share of ex_metrics.bytes up to date. [writer] */
void ex_group_count_bytes(struct ex_group *group);

/* Frees a group that neither the page nor a writer knows. */
void ex_group_free(struct ex_group *group);

/* Puts new groups on the page and takes retired ones off. -ENOMEM: the rest waits. [scraper] */
int ex_metrics_take_in(struct ex_metrics *metrics);

/* The same, unless somebody scrapes. Never waits. [writer] */
void ex_metrics_tidy(struct ex_metrics *metrics);

/* Frees every group; no other thread is left. */
void ex_groups_free(struct ex_metrics *metrics);

#endif
