/* SPDX-License-Identifier: Apache-2.0 */
/* backup, export and import: what a storage path holds, without the daemon's help. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/clock.h"
#include "exporter/cli/cli.h"
#include "exporter/cli/flags.h"
#include "exporter/daemon/lock.h"
#include "exporter/events/event.h"
#include "exporter/manager/record.h"
#include "exporter/store/store.h"

enum { BATCH_ROWS = 1000 };

/* ---- what they share ---- */

struct kept_flags {
    const char *storage_path;
    bool help;
};

/* What a command is, and how many operands it takes at most. */
struct kept_command {
    const char *usage;
    const char *about;
    int operands;
};

/* Parses; -1 with the exit status when there is nothing more to do. */
static int start(struct kept_flags *flags, const struct kept_command *kept, int argc, char **argv,
                 int *ret_status) {
    const struct ex_flag list[] = {
        {"storage.path", EX_FLAG_TEXT, &flags->storage_path, "DIR", "As the daemon has it."},
        {"help", EX_FLAG_BOOL, &flags->help, "", "Print this help."},
    };
    const struct ex_cli_command command = {
        .usage = kept->usage,
        .about = kept->about,
        .flags = list,
        .flag_count = sizeof list / sizeof *list,
        .help = &flags->help,
        .usage_error = EX_EXIT_FAILED,
    };
    int count = ex_cli_start(&command, argc, argv, ret_status);

    if (count < 0)
        return -1;
    *ret_status = EX_EXIT_FAILED;
    if (!flags->storage_path) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "--storage.path is needed"});
        return -1;
    }
    if (count > kept->operands) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "too many operands; see --help"});
        return -1;
    }
    return count;
}

static int fail(const struct fo_error *error) {
    ex_cli_complain(NULL, error);
    return EX_EXIT_FAILED;
}

/* ---- backup ---- */

int ex_cli_backup(int argc, char **argv) {
    static const struct kept_command command = {
        "backup --storage.path=DIR FILE",
        "Copies the state to a new file, as of one instant; the daemon may run.", 1};
    struct kept_flags flags = {NULL, false};
    struct ex_store *store;
    struct fo_error error;
    int status;
    int count = start(&flags, &command, argc, argv, &status);

    if (count < 0)
        return status;
    if (count != 1)
        return fail(&(struct fo_error){.text = "backup takes the name of the new file"});
    int ret = ex_store_open_reading(flags.storage_path, &store, &error);
    if (ret < 0)
        return fail(&error);
    ret = ex_store_backup(store, argv[1], &error);
    (void)ex_store_close(store);
    return ret < 0 ? fail(&error) : EX_EXIT_OK;
}

/* ---- export ---- */

static json_t *labels_json(struct fo_str packed) {
    struct fo_label labels[EX_BANK_LABELS_MAX];
    uint32_t count = ex_labels_unpack(packed, labels);
    json_t *object = json_object();

    for (uint32_t i = 0; i < count; i++)
        (void)json_object_setn_new(object, labels[i].key.ptr, labels[i].key.len,
                                   json_stringn(labels[i].value.ptr, labels[i].value.len));
    return object;
}

static json_t *decision_json(const struct ex_row *row) {
    static const char *const reasons[] = {"", "budget", "non_recoverable", "policy"};
    const char *reason = row->ints[12] > 0 && row->ints[12] < 4 ? reasons[row->ints[12]] : NULL;

    return json_pack("{s:s, s:I, s:I, s:s*}", "action",
                     row->ints[6] & EX_STORED_RESTART ? "restart" : "fail", "delay_ms",
                     (json_int_t)row->ints[7], "restarted_tasks", (json_int_t)row->ints[9],
                     "reason", reason);
}

/* The record as it was, its labels as they became, and what was decided. */
static int export_failure(void *ctx, const struct ex_row *row) {
    FILE *out = ctx;
    json_t *record = json_loadb(row->texts[0].ptr, row->texts[0].len, 0, NULL);

    if (!record)
        return -EINVAL;
    (void)json_object_set_new(record, "failure_id", json_integer(row->ints[0]));
    if (row->ints[3] != 0) {
        (void)json_object_set(record, "verdict", json_object_get(record, "labels"));
        (void)json_object_set_new(record, "labels", labels_json(row->texts[1]));
    }
    if (row->ints[6] & EX_STORED_DECIDED)
        (void)json_object_set_new(record, "decision", decision_json(row));
    int ret = json_dumpf(record, out, JSON_COMPACT) < 0 || fputc('\n', out) == EOF ? -EIO : 0;
    json_decref(record);
    return ret;
}

int ex_cli_export(int argc, char **argv) {
    static const struct kept_command command = {
        "export --storage.path=DIR",
        "Writes all failures that are kept to standard output, one JSON object per "
        "line, oldest first; the daemon may run.",
        0};
    struct kept_flags flags = {NULL, false};
    struct ex_store *store;
    struct fo_error error = {.text = "the export failed"};
    int status;
    int count = start(&flags, &command, argc, argv, &status);

    if (count < 0)
        return status;
    int ret = ex_store_open_reading(flags.storage_path, &store, &error);
    if (ret < 0)
        return fail(&error);
    ret = ex_store_read(store, EX_READ_FAILURES, 0, export_failure, stdout);
    (void)ex_store_close(store);
    if (ret == 0 && fflush(stdout) == EOF)
        ret = -errno;
    return ret < 0 ? fail(&error) : EX_EXIT_OK;
}

/* ---- import ---- */

struct import {
    struct ex_store *store;
    struct ex_batch batch;
    struct ex_buffer labels;
    int64_t daemon[9]; /* of EX_READ_DAEMON; the first is the next id */
    uint64_t lines;
    uint64_t taken;
    uint64_t bad;
};

static int read_daemon(void *ctx, const struct ex_row *row) {
    struct import *import = ctx;

    memcpy(import->daemon, row->ints, sizeof import->daemon);
    return 0;
}

/* Where it came from has its own decision: here it is history. */
static void take_decision(const char *line, size_t len, struct ex_row *row) {
    json_t *root = json_loadb(line, len, 0, NULL);
    const json_t *decision = json_object_get(root, "decision");
    const char *action = json_string_value(json_object_get(decision, "action"));

    if (action) {
        row->ints[6] = EX_STORED_DECIDED | (strcmp(action, "restart") == 0 ? EX_STORED_RESTART : 0);
        row->ints[7] = json_integer_value(json_object_get(decision, "delay_ms"));
        row->ints[9] = json_integer_value(json_object_get(decision, "restarted_tasks"));
    }
    json_decref(root);
}

static int take_line(struct import *import, const char *line, size_t len) {
    struct ex_event *event = malloc(sizeof *event);
    int ret = event ? ex_event_decode((struct fo_str){line, len}, event) : -ENOMEM;

    if (ret == 0 && event->kind != 0) {
        ex_event_done(event);
        ret = -EINVAL;
    }
    if (ret == 0) {
        struct ex_row row = {
            .ints = {import->daemon[0]++, 0, event->failure.time_ms, 1, FO_NO_TASK,
                     event->failure.attempt, 0, 0, 0, 0, -1, 0, 0, 0, -1, 0},
            .texts = {{line, len}},
        };
        ex_buffer_reset(&import->labels);
        ex_labels_pack(&import->labels, event->failure.labels, event->failure.label_count);
        row.texts[1] = ex_buffer_str(&import->labels);
        take_decision(line, len, &row);
        ex_batch_add(&import->batch, EX_WRITE_FAILURE, row.ints, row.texts);
        import->taken++;
        ex_event_done(event);
    }
    free(event);
    return ret;
}

static int flush(struct import *import) {
    if (import->batch.failures == 0)
        return 0;
    ex_batch_add(&import->batch, EX_WRITE_DAEMON, import->daemon, NULL);
    int ret = import->batch.bytes.failure;
    if (ret == 0)
        ret = ex_store_write(import->store, &import->batch);
    ex_batch_reset(&import->batch);
    return ret;
}

static int read_lines(struct import *import, FILE *in) {
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int ret = 0;

    while (ret == 0 && (len = getline(&line, &size, in)) > 0) {
        import->lines++;
        if (line[len - 1] == '\n')
            len--;
        if (take_line(import, line, (size_t)len) < 0) {
            (void)fprintf(stderr, "failover_exporter: line %llu is no failure\n",
                          (unsigned long long)import->lines);
            import->bad++;
        }
        if (import->batch.failures >= BATCH_ROWS)
            ret = flush(import);
    }
    free(line);
    return ret == 0 ? flush(import) : ret;
}

static int import_file(struct import *import, const char *path, struct fo_error *reterr) {
    FILE *in = path ? fopen(path, "re") : stdin;

    if (!in) {
        (void)snprintf(reterr->text, sizeof reterr->text, "%.100s: %s", path,
                       strerrordesc_np(errno));
        return -errno;
    }
    int ret = ex_store_read(import->store, EX_READ_DAEMON, 0, read_daemon, import);
    if (ret == 0)
        ret = read_lines(import, in);
    if (path)
        (void)fclose(in);
    return ret;
}

int ex_cli_import(int argc, char **argv) {
    static const struct kept_command command = {
        "import --storage.path=DIR [FILE]",
        "Adds failures, as export writes them, to the history; no counter changes. "
        "The daemon must not run.",
        1};
    struct kept_flags flags = {NULL, false};
    struct import import = {.store = NULL};
    struct ex_lock lock = {.fd = -1};
    struct fo_error error = {.text = "the import failed"};
    int status;
    int count = start(&flags, &command, argc, argv, &status);

    if (count < 0)
        return status;
    const struct ex_store_config config = {.directory = flags.storage_path,
                                           .now_ms = ex_clock_wall_ms()};
    ex_batch_init(&import.batch);
    ex_buffer_init(&import.labels, EX_EVENT_LINE_MAX_BYTES);
    int ret = ex_lock_take(&lock, flags.storage_path, false, &error);
    if (ret == 0)
        ret = ex_store_open(&config, &import.store, &error);
    if (ret == 0)
        ret = import_file(&import, count == 1 ? argv[1] : NULL, &error);
    (void)ex_store_close(import.store);
    ex_lock_release(&lock);
    ex_buffer_done(&import.labels);
    ex_batch_done(&import.batch);
    if (ret < 0)
        return fail(&error);
    (void)printf("%llu failures imported\n", (unsigned long long)import.taken);
    return import.bad == 0 ? EX_EXIT_OK : EX_EXIT_FAILED;
}
