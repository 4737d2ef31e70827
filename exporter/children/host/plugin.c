/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/host/plugin.h"

#include <dlfcn.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/children/host/services.h"
#include "exporter/events/event.h"

enum { ERROR_BYTES = 512, FAILED = 1 };

struct plugin {
    struct fl_listener listener; /* as much as the library has of it, the rest zero */
    void *self;
    struct services services;
};

/* NULL, or why the library cannot be used. */
static const char *load(struct plugin *plugin, const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library)
        return dlerror(); /* NOLINT(concurrency-mt-unsafe): no thread yet */
    const struct fl_listener *entry = dlsym(library, "fl_listener_entry");
    if (!entry)
        return "it does not export fl_listener_entry";
    if (entry->abi >> 16 != FL_ABI_MAJOR)
        return "it was built for another major version of the listener ABI";
    size_t size = entry->size < sizeof plugin->listener ? entry->size : sizeof plugin->listener;
    memcpy(&plugin->listener, entry, size);
    if (!plugin->listener.name || !*plugin->listener.name)
        return "its listener has no name";
    return NULL;
}

/* The part `config` of the daemon's first line, as text; owned by the caller. */
static char *read_config(const char *line, size_t len) {
    json_t *root = json_loadb(line, len, 0, NULL);
    const json_t *config = json_object_get(root, "config");
    char *text = config ? json_dumps(config, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    json_decref(root);
    return text;
}

/* 0, or -1 with the reason in `why`. */
static int create(struct plugin *plugin, FILE *input, char why[static ERROR_BYTES]) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len = getline(&line, &capacity, input);
    char *config = len > 0 ? read_config(line, (size_t)len) : NULL;
    int ret = FL_ERROR;

    (void)snprintf(why, ERROR_BYTES, "%s", config ? "create() failed" : "no configuration came");
    if (config && !plugin->listener.create)
        ret = FL_OK;
    else if (config)
        ret = plugin->listener.create(&plugin->services.host, fo_str_of(config), &plugin->self, why,
                                      ERROR_BYTES);
    free(config);
    free(line);
    return ret == FL_OK ? 0 : -1;
}

static void bring(struct plugin *plugin, const struct ex_event *event) {
    const struct fl_listener *listener = &plugin->listener;

    if (event->kind == 0) {
        if (listener->on_failure &&
            listener->on_failure(plugin->self, &event->failure, event->completion) != FL_OK)
            services_say_error(&plugin->services, event->completion, "on_failure() failed");
    } else if (listener->on_event) {
        (void)listener->on_event(plugin->self, &event->event);
    }
}

static void serve(struct plugin *plugin, FILE *input) {
    static char room[EX_EVENT_LINE_MAX_BYTES];
    static struct ex_event event; /* large */
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;

    while ((len = getline(&line, &capacity, input)) > 0) {
        /* What this version cannot read is passed over: the daemon may be newer. */
        if (len > (ssize_t)sizeof room ||
            ex_event_decode_quick((struct fo_str){line, (size_t)len}, room, &event) < 0)
            continue;
        bring(plugin, &event);
        ex_event_done(&event);
    }
    free(line);
}

int plugin_serve(const char *path, int input_fd, int output_fd) {
    static struct plugin plugin;
    char why[ERROR_BYTES];
    FILE *input = fdopen(input_fd, "r");

    if (!input)
        return FAILED;
    services_init(&plugin.services, output_fd);
    const char *unusable = load(&plugin, path);
    if (unusable || create(&plugin, input, why) < 0) {
        services_say_error(&plugin.services, 0, unusable ? unusable : why);
        (void)fclose(input);
        return FAILED;
    }
    services_say_hello(&plugin.services, &plugin.listener);
    serve(&plugin, input);
    if (plugin.listener.destroy)
        plugin.listener.destroy(plugin.self);
    (void)fclose(input);
    return 0;
}
