/* SPDX-License-Identifier: Apache-2.0 */
/* classify: asks the categoriser about the output of a program, or about a file of failures. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exporter/cli/capture.h"
#include "exporter/cli/classify_ndjson.h"
#include "exporter/cli/classify_show.h"
#include "exporter/cli/cli.h"
#include "exporter/cli/flags.h"
#include "exporter/cli/rule_files.h"
#include "exporter/config/number.h"

struct arguments {
    const char *exit_code;
    const char *signal;
    const char *runtime;
    struct ex_flag_list rule_files;
    const char *file; /* NULL: standard input */
    bool json, ndjson, help;
    struct catalogue_input input; /* what the above say */
};

static int refuse(const char *flag, const char *value, const char *expected) {
    struct fo_error error = {.code = -EINVAL};

    (void)snprintf(error.text, sizeof error.text, "--%s %.80s: must be %s", flag, value, expected);
    ex_cli_complain(NULL, &error);
    return -EINVAL;
}

/* 0, or -EINVAL, said on standard error. */
static int read_facts(struct arguments *arguments) {
    struct catalogue_input *input = &arguments->input;
    int32_t code = 0;

    if (arguments->exit_code && ex_number_i32(fo_str_of(arguments->exit_code), &code) != 0)
        return refuse("exit-code", arguments->exit_code, "a whole number");
    input->exited = arguments->exit_code != NULL;
    input->exit_code = code;
    input->runtime = fo_str_of(arguments->runtime);
    input->signal = catalogue_signal_of(fo_str_of(arguments->signal));
    if (arguments->signal && input->signal == 0)
        return refuse("signal", arguments->signal, "the name or number of a signal");
    return 0;
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
    if (r < 0) {
        struct fo_error error = {.code = r};
        (void)snprintf(error.text, sizeof error.text, "%s", strerrordesc_np(-r));
        ex_cli_complain(arguments->file ? arguments->file : "standard input", &error);
    }
    return r == 0 ? EX_EXIT_OK : EX_EXIT_FAILED;
}

static int classify(struct arguments *arguments) {
    struct catalogue *catalogue = NULL;
    struct fo_error error;

    if (read_facts(arguments) != 0)
        return EX_EXIT_FAILED;
    if (ex_rule_files_load(arguments->rule_files.items, arguments->rule_files.count, &catalogue,
                           &error) != 0) {
        ex_cli_complain(NULL, &error);
        return EX_EXIT_FAILED;
    }
    int status = classify_with(arguments, catalogue);
    (void)catalogue_free(catalogue);
    return status;
}

int ex_cli_classify(int argc, char **argv) {
    struct arguments arguments = {.file = NULL};
    const struct ex_flag flags[] = {
        {"exit-code", EX_FLAG_TEXT, &arguments.exit_code, "N", "How the program exited."},
        {"signal", EX_FLAG_TEXT, &arguments.signal, "S",
         "The signal that ended it, by name or number."},
        {"runtime", EX_FLAG_TEXT, &arguments.runtime, "R",
         "What it was written in: jvm, python, go, node, rust, shell..."},
        {"json", EX_FLAG_BOOL, &arguments.json, "", "Print the whole verdict as one JSON object."},
        {"ndjson", EX_FLAG_BOOL, &arguments.ndjson, "",
         "FILE holds one failure per line, and so does the answer."},
        {"rules", EX_FLAG_LIST, &arguments.rule_files, "FILE",
         "Rules of your own, behind the built-in ones."},
        EX_FLAGS_HELP(&arguments.help),
    };
    const struct ex_cli_command command = {
        .usage = "classify [flags] [FILE]",
        .about = "Says what kind of failure the output in FILE (or on standard input) shows.",
        .flags = flags,
        .flag_count = sizeof flags / sizeof *flags,
        .help = &arguments.help,
        .usage_error = EX_EXIT_FAILED,
    };
    int status;
    int count = ex_cli_start(&command, argc, argv, &status);

    if (count < 0)
        return status;
    if (count > 1) {
        ex_cli_complain(NULL, &(struct fo_error){.text = "classify takes one file; see --help"});
        return EX_EXIT_FAILED;
    }
    if (count == 1 && strcmp(argv[1], "-") != 0)
        arguments.file = argv[1];
    return classify(&arguments);
}
