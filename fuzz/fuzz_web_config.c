/* SPDX-License-Identifier: Apache-2.0 */
/* Web configuration files, as far as they go without opening others; and the credentials of a
 * request, which come in the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "exporter/http/auth.h"
#include "exporter/http/go_duration.h"
#include "exporter/http/tls_names.h"

/* Like assert(), in every build. */
static void require(bool ok) {
    if (!ok)
        abort();
}

static void check_settings(const struct ex_http_web_settings *settings) {
    struct ex_buffer priority;

    require(!settings->tls || settings->min_version <= settings->max_version);
    require(settings->rate_interval_ns >= 0 && settings->rate_burst >= 0);
    for (size_t i = 0; i < settings->user_count; i++)
        require(settings->users[i].name && ex_http_is_bcrypt(settings->users[i].hash));
    ex_buffer_init(&priority, (size_t)64 << 10);
    ex_http_tls_priority(settings, &priority);
    require(priority.failure == 0);
    ex_buffer_done(&priority);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fo_str text = {(const char *)data, size};
    struct ex_http_web_settings settings;
    struct fo_error error = {0};
    struct fo_str name;
    struct fo_str password;
    char *credentials = NULL;
    int64_t ns = 0;

    if (ex_http_web_settings_parse(text, "/nowhere", &settings, &error) == 0) {
        check_settings(&settings);
        ex_http_web_settings_done(&settings);
    }
    if (ex_http_basic_parse(text, &name, &password, &credentials) == 0) {
        require(name.len + password.len < size);
        free(credentials);
    }
    if (ex_http_go_duration_parse(text, &ns) == 0)
        require(ns >= 0);
    return 0;
}
