/* SPDX-License-Identifier: Apache-2.0 */
/* healthcheck: whether the daemon with the same flags (or the same environment) is ready. */
#include <stdio.h>

#include "exporter/cli/cli.h"
#include "exporter/cli/client.h"
#include "exporter/cli/flags.h"

enum { TIMEOUT_MS = 4000, ADDRESS_BYTES = 512 };

struct options {
    struct ex_flag_list addresses;
    const char *web_config_path;
    bool help;
};

/* Where a listen address can be reached from this machine. "unix:/path" becomes the socket. */
static void reach(const char *listen, const char *scheme, char address[static ADDRESS_BYTES],
                  struct ex_client *client) {
    static const char *const everywhere[] = {"0.0.0.0:", "[::]:", ":"};
    static const char unix_prefix[] = "unix:";
    const char *host = "";

    if (strncmp(listen, unix_prefix, sizeof unix_prefix - 1) == 0) {
        client->socket = listen + sizeof unix_prefix - 1;
        return;
    }
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++) {
        size_t len = strlen(everywhere[i]);
        if (strncmp(listen, everywhere[i], len) == 0) {
            host = "localhost:";
            listen += len;
            break;
        }
    }
    (void)snprintf(address, ADDRESS_BYTES, "%s://%s%s", scheme, host, listen);
    client->address = address;
}

/* The status of /-/ready; nothing secret is sent, so any certificate will do. */
static int ask(const char *listen, const char *scheme, long *ret_status, struct fo_error *reterr) {
    char address[ADDRESS_BYTES];
    struct ex_client client = {.unverified = true, .timeout_ms = TIMEOUT_MS};
    const struct ex_client_request request = {.method = "GET", .path = "/-/ready"};
    struct ex_client_answer answer;

    reach(listen, scheme, address, &client);
    int ret = ex_client_ask(&client, &request, &answer, reterr);
    if (ret == 0) {
        *ret_status = answer.status;
        ex_client_answer_done(&answer);
    }
    return ret;
}

int ex_cli_healthcheck(int argc, char **argv) {
    struct options options = {.help = false};
    const struct ex_flag flags[] = {
        {"web.listen-address", EX_FLAG_LIST, &options.addresses, "ADDR",
         "As the daemon's; the first is asked (:10912)."},
        {"web.config.file", EX_FLAG_TEXT, &options.web_config_path, "FILE",
         "As the daemon's: with one, TLS is tried first."},
        {"help", EX_FLAG_BOOL, &options.help, "", "Print this help."},
        {"h", EX_FLAG_BOOL, &options.help, "", "Print this help."},
    };
    const struct ex_cli_command about = {
        .usage = "healthcheck [flags]",
        .about = "Asks a running daemon whether it is ready. Exit status: 0 ready, 1 not.",
        .flags = flags,
        .flag_count = sizeof flags / sizeof *flags,
        .help = &options.help,
        .usage_error = EX_EXIT_FAILED,
    };
    struct fo_error error;
    long status = 0;
    int exit_status;

    if (ex_cli_start(&about, argc, argv, &exit_status) < 0)
        return exit_status;
    const char *listen = options.addresses.count > 0 ? options.addresses.items[0] : ":10912";
    int ret = options.web_config_path ? ask(listen, "https", &status, &error) : -1;
    if (ret < 0)
        ret = ask(listen, "http", &status, &error);
    if (ret < 0) {
        ex_cli_complain(NULL, &error);
        return EX_EXIT_FAILED;
    }
    (void)printf("%s\n", status == 200 ? "ready" : "not ready");
    return status == 200 ? EX_EXIT_OK : EX_EXIT_FAILED;
}
