/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/config/number.h - numbers from text, checked. The whole text is the number: no spaces,
 * no suffix. All return 0; -EINVAL: not such a number; -ERANGE: it does not fit.
 * Owns: nothing. Threads: any. */
#ifndef EX_CONFIG_NUMBER_H
#define EX_CONFIG_NUMBER_H

#include "failover/types.h"

/* Decimal, optional sign: what Java's Integer.parseInt and Long.parseLong take. */
FO_MUST_CHECK int ex_number_i32(struct fo_str text, int32_t *ret_value);
FO_MUST_CHECK int ex_number_i64(struct fo_str text, int64_t *ret_value);
FO_MUST_CHECK int ex_number_u64(struct fo_str text, uint64_t *ret_value); /* digits only */

/* Decimal with optional fraction and exponent; never infinite or NaN. */
FO_MUST_CHECK int ex_number_double(struct fo_str text, double *ret_value);

/* A size: a whole number of bytes, or followed by bytes, KiB, MiB or GiB (any case, one optional
 * space): "268435456", "256 MiB". */
FO_MUST_CHECK int ex_number_bytes(struct fo_str text, uint64_t *ret_bytes);

#endif
