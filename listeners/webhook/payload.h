/* SPDX-License-Identifier: Apache-2.0 */
/* listeners/webhook/payload.h - from an event record to the body that is posted.
 * Owns: nothing. Threads: any. */
#ifndef LISTENERS_WEBHOOK_PAYLOAD_H
#define LISTENERS_WEBHOOK_PAYLOAD_H

#include <jansson.h>
#include <stddef.h>

/* The event record as it is, without what is between the daemon and us only. NULL: no memory. The
 * caller frees it. */
char *payload_record(json_t *event);

/* What names the event and stays the same when it is told again: its job, its kind, and its failure
 * (or for `recovered` its incident). */
void payload_id(const json_t *event, char *ret_id, size_t size);

/* A body for Alertmanager's POST /api/v2/alerts: the caller frees it. NULL: no memory, or an event
 * that is no alert. FailoverJobFailing fires with each labelled failure and is resolved by
 * `recovered`; FailoverJobGaveUp fires with `exhausted`. The failure's own labels are annotations:
 * what an alert is must not change between two failures of one incident. */
char *payload_alerts(const json_t *event);

#endif
