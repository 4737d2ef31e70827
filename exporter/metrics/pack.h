/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/metrics/pack.h - compressing a page piece by piece.
 * gzip: one member. Each piece is deflated by itself, ends on a byte and carries its crc together
 * with the operator that combines crcs, so that pieces join in any order without being read again.
 * zstd: a frame per piece; a decoder takes one after the other.
 * Threads: the scraper. */
#ifndef EX_METRICS_PACK_H
#define EX_METRICS_PACK_H

#include "exporter/metrics/body.h"

struct ex_packer;

/* NULL: no memory. */
struct ex_packer *ex_packer_new(void);
void ex_packer_free(struct ex_packer *packer); /* NULL is allowed */

/* Makes the compressed body of a body that is not sealed yet. What its blobs are compressed to
 * stays with them. -ENOMEM. */
FO_MUST_CHECK int ex_pack_body(struct ex_packer *packer, const struct ex_body *raw,
                               enum ex_encoding encoding, struct ex_body **ret_body);

#endif
