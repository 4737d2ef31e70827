/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/page.h - where each line of the page stands, and what of it is rendered.
 *
 * Groups sit in chunks of EX_CHUNK_GROUPS. A piece is what one chunk has to say about one family:
 * the lines of a family are its head and then its piece of each chunk. A piece, in each style and
 * each encoding, is rendered when it is first asked for and kept until a line of it would look
 * different. So a change of one group costs the pieces of its chunk for the families that changed,
 * no more.
 *
 * Owns: chunks and pieces; not the groups. Threads: the scraper, all of it. */
#ifndef EX_METRICS_PAGE_H
#define EX_METRICS_PAGE_H

#include "exporter/metrics/blob.h"
#include "exporter/metrics/style.h"

struct ex_page;

/* NULL: no memory. */
struct ex_page *ex_page_new(void);
void ex_page_free(struct ex_page *page); /* NULL is allowed */

/* Finds a place for a group. -ENOMEM. */
FO_MUST_CHECK int ex_page_add(struct ex_page *page, struct ex_group *group);
void ex_page_remove(struct ex_page *page, struct ex_group *group);

/* Hands every group to `gone`; nothing may be done with the page afterwards but to free it. */
void ex_page_drain(struct ex_page *page, void (*gone)(struct ex_group *group));

/* Takes over what changed in all groups and renders what is missing of the families that `wanted`
 * (by family id) says. A group whose writer is in the middle of a change for longer than a few
 * looks stays as it was. -ENOMEM. */
FO_MUST_CHECK int ex_page_update(struct ex_page *page, const struct ex_style *style,
                                 const bool *wanted, size_t family_count);

/* The pieces of a family in page order: `*chunk` starts at 0 and goes up. NULL at the end. Valid
 * for families that were wanted of ex_page_update(), until the page changes. Pieces may be empty.
 */
struct ex_blob *ex_page_next(const struct ex_page *page, const struct ex_style *style,
                             size_t family_id, size_t *chunk);

/* Lets go of what ex_page_update() made in a style that is not kept. */
void ex_page_forget_unkept(struct ex_page *page);

#endif
