/* SPDX-License-Identifier: Apache-2.0 */
/* healthcheck: whether the daemon with the same flags (or the same environment) is ready. Its
 * socket, which asks no password of its own user, is asked first; its read door when there is none.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "exporter/cli/cli.h"
#include "exporter/cli/client.h"
#include "exporter/cli/flags.h"
#include "exporter/config/fail.h"
#include "exporter/http/prefix.h"

enum { TIMEOUT_MS = 4000, ADDRESS_BYTES = 512 };

static const char ready_path[] = "/-/ready";

struct options {
    struct ex_flag_list addresses;
    const char *storage_path;
    const char *web_config_path;
    const char *external_url;
    const char *route_prefix;
    char prefix[EX_HTTP_PREFIX_MAX_BYTES];
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

/* The status of /-/ready, or a negative errno. */
static int ask(const struct ex_client *client, const char *prefix, struct fo_error *reterr) {
    char path[EX_HTTP_PREFIX_MAX_BYTES + sizeof ready_path];
    const struct ex_client_request request = {.method = "GET", .path = path};
    struct ex_client_answer answer;

    (void)snprintf(path, sizeof path, "%s%s", prefix, ready_path);
    int ret = ex_client_ask(client, &request, &answer, reterr);
    if (ret < 0)
        return ret;
    ex_client_answer_done(&answer);
    return (int)answer.status;
}

static int ask_socket(const struct options *options, struct fo_error *reterr) {
    char path[PATH_MAX];
    const struct ex_client client = {.socket = path, .timeout_ms = TIMEOUT_MS};

    (void)snprintf(path, sizeof path, "%s/control.sock", options->storage_path);
    return ask(&client, "", reterr);
}

/* Nothing secret is sent, so any certificate will do. */
static int ask_read_door(const struct options *options, struct fo_error *reterr) {
    static const char *const schemes[] = {"https", "http"};
    const char *listen = options->addresses.count > 0 ? options->addresses.items[0] : ":10912";
    int ret = -ENOTCONN;

    for (size_t i = options->web_config_path ? 0 : 1; i < 2 && ret < 0; i++) {
        char address[ADDRESS_BYTES];
        struct ex_client client = {.unverified = true, .timeout_ms = TIMEOUT_MS};
        reach(listen, schemes[i], address, &client);
        ret = ask(&client, options->prefix, reterr);
    }
    return ret;
}

static int check(struct options *options, struct fo_error *reterr) {
    int ret =
        ex_http_prefix_of(options->route_prefix, options->external_url, options->prefix, reterr);

    if (ret < 0)
        return ret;
    ret = options->storage_path ? ask_socket(options, reterr) : -ENOTCONN;
    if (ret < 0) /* who named the folder hears of its socket if nobody answers anywhere */
        ret = ask_read_door(options, options->storage_path ? &(struct fo_error){0} : reterr);
    if (ret == 401)
        return ex_fail(reterr, -EACCES, 0,
                       "the daemon wants a password; with its --storage.path the socket in there "
                       "is asked, which wants none of the daemon's own user");
    return ret;
}

int ex_cli_healthcheck(int argc, char **argv) {
    struct options options = {.help = false};
    const struct ex_flag flags[] = {
        {"web.listen-address", EX_FLAG_LIST, &options.addresses, "ADDR",
         "As the daemon's; the first is asked (:10912)."},
        {"storage.path", EX_FLAG_TEXT, &options.storage_path, "DIR",
         "As the daemon's: the socket in there is asked first."},
        {"web.config.file", EX_FLAG_TEXT, &options.web_config_path, "FILE",
         "As the daemon's: with one, TLS is tried first."},
        {"web.external-url", EX_FLAG_TEXT, &options.external_url, "URL", "As the daemon's."},
        {"web.route-prefix", EX_FLAG_TEXT, &options.route_prefix, "PATH", "As the daemon's."},
        EX_FLAGS_HELP(&options.help),
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
    int exit_status;

    int count = ex_cli_start(&about, argc, argv, &exit_status);
    if (count < 0)
        return exit_status;
    if (count > 0) {
        ex_cli_complain(NULL,
                        &(struct fo_error){.text = "healthcheck takes only flags; see --help"});
        return EX_EXIT_FAILED;
    }
    int status = check(&options, &error);
    if (status < 0) {
        ex_cli_complain(NULL, &error);
        return EX_EXIT_FAILED;
    }
    (void)printf("%s\n", status == 200 ? "ready" : "not ready");
    return status == 200 ? EX_EXIT_OK : EX_EXIT_FAILED;
}
