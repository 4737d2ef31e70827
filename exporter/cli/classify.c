/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/cli/classify.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter/cli/capture.h"
#include "exporter/cli/classify_ndjson.h"
#include "exporter/cli/classify_show.h"
#include "exporter/cli/rule_files.h"
#include "exporter/config/number.h"

enum { RULE_FILES_MAX = 64 };

struct arguments {
    struct catalogue_input input;
    const char *rule_files[RULE_FILES_MAX];
    size_t rule_file_count;
    const char *file; /* NULL: standard input */
    bool json, ndjson;
};

static const char usage[] =
    "usage: failover_exporter classify [flags] [FILE]\n\n"
    "Says what kind of failure the output in FILE (or on standard input) is.\n\n"
    "  --exit-code N   how the program exited\n"
    "  --signal S      the signal that ended it, by name or number\n"
    "  --runtime R     what it was written in: jvm, python, go, node, rust, shell...\n"
    "  --json          the whole verdict as one JSON object\n"
    "  --ndjson        FILE holds one failure per line; so does the answer\n"
    "  --rules FILE    rules of your own behind the built-in ones; may be given several times\n";

static int refuse(const char *flag, const char *value, const char *expected) {
    (void)fprintf(stderr, "failover_exporter: --%s %s: must be %s\n", flag, value, expected);
    return -EINVAL;
}

static int set_exit_code(struct arguments *arguments, const char *value) {
    int32_t code = 0;

    if (ex_number_i32(fo_str_of(value), &code) != 0)
        return refuse("exit-code", value, "a whole number");
    arguments->input.exited = true;
    arguments->input.exit_code = code;
    return 0;
}

static int set_signal(struct arguments *arguments, const char *value) {
    arguments->input.signal = catalogue_signal_of(fo_str_of(value));
    return arguments->input.signal == 0 ? refuse("signal", value, "the name or number of a signal")
                                        : 0;
}

static int add_rule_file(struct arguments *arguments, const char *path) {
    if (arguments->rule_file_count == RULE_FILES_MAX)
        return refuse("rules", path, "one of 64 at most");
    arguments->rule_files[arguments->rule_file_count++] = path;
    return 0;
}

static int set_flag(struct arguments *arguments, int flag, const char *value) {
    switch (flag) {
    case 'e':
        return set_exit_code(arguments, value);
    case 's':
        return set_signal(arguments, value);
    case 'r':
        arguments->input.runtime = fo_str_of(value);
        return 0;
    case 'f':
        return add_rule_file(arguments, value);
    case 'j':
        arguments->json = true;
        return 0;
    case 'n':
        arguments->ndjson = true;
        return 0;
    case 'h':
        (void)fputs(usage, stdout);
        return -ECANCELED;
    default:
        return -EINVAL; /* getopt has said why */
    }
}

/* 0; -EINVAL: said on standard error; -ECANCELED: only help was wanted. */
static int read_arguments(struct arguments *arguments, int argc, char **argv) {
    static const struct option options[] = {
        {"exit-code", required_argument, NULL, 'e'},
        {"signal", required_argument, NULL, 's'},
        {"runtime", required_argument, NULL, 'r'},
        {"rules", required_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},
        {"ndjson", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int r = 0;

    optind = 1;
    while (r == 0) {
        int flag = getopt_long(argc, argv, "h", options, NULL);
        if (flag == -1)
            break;
        r = set_flag(arguments, flag, optarg);
    }
    if (r == 0 && argc - optind > 1)
        r = refuse("ndjson", argv[optind + 1], "one FILE");
    if (r == 0 && argc > optind && strcmp(argv[optind], "-") != 0)
        arguments->file = argv[optind];
    return r;
}

static int show_verdict(const struct arguments *arguments, const struct catalogue *catalogue,
                        struct catalogue_scratch *scratch) {
    struct catalogue_verdict verdict;
    int r = catalogue_classify(catalogue, &arguments->input, scratch, &verdict);

    if (r != 0)
        return r;
    if (arguments->json)
        return ex_classify_show_json(catalogue, &verdict, stdout);
    return ex_classify_show_text(&verdict, stdout);
}

static int classify_output(struct arguments *arguments, const struct catalogue *catalogue,
                           struct catalogue_scratch *scratch, int fd) {
    struct ex_capture capture = {NULL, 0, NULL, 0, false};
    int r = ex_capture_read(&capture, fd);

    arguments->input.head = ex_capture_head(&capture);
    arguments->input.tail = ex_capture_tail(&capture);
    arguments->input.cut = capture.cut;
    if (r == 0)
        r = show_verdict(arguments, catalogue, scratch);
    ex_capture_done(&capture);
    return r;
}

static int classify_file(struct arguments *arguments, const struct catalogue *catalogue,
                         struct catalogue_scratch *scratch) {
    int fd = arguments->file ? open(arguments->file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;

    if (fd == -1)
        return -errno;
    int r = arguments->ndjson ? ex_classify_ndjson(catalogue, scratch, fd, stdout)
                              : classify_output(arguments, catalogue, scratch, fd);
    if (fflush(stdout) != 0 && r >= 0)
        r = -errno;
    if (fd != STDIN_FILENO)
        (void)close(fd);
    return r;
}

static int classify_with(struct arguments *arguments, const struct catalogue *catalogue) {
    struct catalogue_scratch *scratch = NULL;
    int r = catalogue_scratch_new(catalogue, &scratch);

    if (r == 0)
        r = classify_file(arguments, catalogue, scratch);
    (void)catalogue_scratch_free(scratch);
    if (r < 0)
        (void)fprintf(stderr, "failover_exporter: %s: %s\n",
                      arguments->file ? arguments->file : "standard input", strerrordesc_np(-r));
    return r == 0 ? 0 : 1;
}

int ex_cli_classify(int argc, char **argv) {
    struct arguments arguments = {.file = NULL};
    struct catalogue *catalogue = NULL;
    struct fo_error error;
    int r = read_arguments(&arguments, argc, argv);

    if (r != 0)
        return r == -ECANCELED ? 0 : 1;
    if (ex_rule_files_load(arguments.rule_files, arguments.rule_file_count, &catalogue, &error) !=
        0) {
        (void)fprintf(stderr, "failover_exporter: %s\n", error.text);
        return 1;
    }
    r = classify_with(&arguments, catalogue);
    (void)catalogue_free(catalogue);
    return r;
}
