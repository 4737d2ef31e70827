/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/webhook/payload.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TIME_BYTES = 40 };

static const char *text(const json_t *event, const char *key) {
    const char *value = json_string_value(json_object_get(event, key));
    return value ? value : "";
}

char *payload_record(json_t *event) {
    (void)json_object_del(event, "delivery");
    return json_dumps(event, JSON_COMPACT);
}

void payload_id(const json_t *event, char *ret_id, size_t size) {
    const char *number = strcmp(text(event, "kind"), "recovered") == 0 ? "incident" : "failure_id";

    (void)snprintf(ret_id, size, "%.40s-%.20s-%lld", text(event, "job_id"), text(event, "kind"),
                   (long long)json_integer_value(json_object_get(event, number)));
}

static void write_time(const json_t *event, char out[static TIME_BYTES]) {
    long long ms = json_integer_value(json_object_get(event, "time_ms"));
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char day[24];

    (void)gmtime_r(&seconds, &utc);
    (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out, TIME_BYTES, "%s.%03dZ", day, (int)(ms % 1000));
}

static json_t *annotations(const json_t *event) {
    json_t *all = json_pack("{s:o}", "summary",
                            json_sprintf("Job %s: %s %s", text(event, "job_name"),
                                         text(event, "task"), text(event, "message")));
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(event, "labels"), key, value)(void)
        json_object_set(all, key, value);
    if (*text(event, "reason"))
        (void)json_object_set(all, "reason", json_object_get(event, "reason"));
    return all;
}

char *payload_alerts(const json_t *event) {
    const char *kind = text(event, "kind");
    int gave_up = strcmp(kind, "exhausted") == 0;
    int recovered = strcmp(kind, "recovered") == 0;
    char at[TIME_BYTES];

    if (!gave_up && !recovered && strcmp(kind, "labelled") != 0)
        return NULL;
    write_time(event, at);
    json_t *alert =
        json_pack("{s:{s:s, s:s, s:s, s:s}, s:o}", "labels", "alertname",
                  gave_up ? "FailoverJobGaveUp" : "FailoverJobFailing", "engine",
                  text(event, "engine"), "job_name", text(event, "job_name"), "severity",
                  gave_up ? "critical" : "warning", "annotations", annotations(event));
    (void)json_object_set_new(alert, recovered ? "endsAt" : "startsAt", json_string(at));
    json_t *alerts = json_pack("[o]", alert);
    char *body = json_dumps(alerts, JSON_COMPACT);
    json_decref(alerts);
    return body;
}
