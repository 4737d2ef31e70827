/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/go_duration.h - durations as Go's time.ParseDuration reads them, which the web
 * configuration's format uses: "1s", "1m30s", "1.5h", "250ms", "0"; and bare nanoseconds.
 * Owns: nothing. Threads: any. */
#ifndef EX_HTTP_GO_DURATION_H
#define EX_HTTP_GO_DURATION_H

#include "failover/types.h"

/* -EINVAL: not a duration, or a negative one. -ERANGE: more than 64 bits of nanoseconds. */
FO_MUST_CHECK int ex_http_go_duration_parse(struct fo_str text, int64_t *ret_ns);

#endif
