/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/webhook/payload.h - from an event record to the body that is posted.
 * Owns: nothing. Threads: any. */
#ifndef LISTENERS_WEBHOOK_PAYLOAD_H
#define LISTENERS_WEBHOOK_PAYLOAD_H

#include <jansson.h>

/* A body for Alertmanager's POST /api/v2/alerts: the caller frees it. NULL: no memory, or an event
 * that is no alert. FailoverJobFailing fires with each labelled failure and is resolved by
 * `recovered`; FailoverJobGaveUp fires with `exhausted`. The failure's own labels are annotations:
 * what an alert is must not change between two failures of one incident. */
char *payload_alerts(const json_t *event);

#endif
