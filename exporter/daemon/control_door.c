/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/control_door.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "exporter/config/fail.h"
#include "exporter/http/host.h"

enum { TOKEN_MIN_BYTES = 16, TOKEN_MAX_BYTES = 4096, THREADS = 2, REQUESTS_MAX = 512 };

/* ---- the token ---- */

static int check_token_file(int fd, const char *path, struct fo_error *reterr) {
    struct stat status;

    if (fstat(fd, &status) == -1)
        return ex_fail(reterr, -errno, 0, "%s: %s", path, strerrordesc_np(errno));
    if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return ex_fail(reterr, -EACCES, 0,
                       "%s: the token file must be a file that only its owner can read (mode 0600)",
                       path);
    return 0;
}

/* The first line of the file. */
static int read_token(struct ex_control_door *door, const char *path, int fd,
                      struct fo_error *reterr) {
    char text[TOKEN_MAX_BYTES + 1];
    ssize_t size = read(fd, text, sizeof text - 1);

    if (size < 0)
        return ex_fail(reterr, -errno, 0, "%s: %s", path, strerrordesc_np(errno));
    text[size] = '\0';
    size_t len = strcspn(text, "\r\n");
    if (len < TOKEN_MIN_BYTES || len == TOKEN_MAX_BYTES)
        return ex_fail(reterr, -EINVAL, 0, "%s: a token has %d to %d bytes", path, TOKEN_MIN_BYTES,
                       TOKEN_MAX_BYTES - 1);
    door->token = strndup(text, len);
    door->token_len = len;
    explicit_bzero(text, sizeof text);
    return door->token ? 0 : ex_fail(reterr, -ENOMEM, 0, "out of memory");
}

static int load_token(struct ex_control_door *door, const char *path, struct fo_error *reterr) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd == -1)
        return ex_fail(reterr, -errno, 0, "%s: %s", path, strerrordesc_np(errno));
    int ret = check_token_file(fd, path, reterr);
    if (ret == 0)
        ret = read_token(door, path, fd, reterr);
    (void)close(fd);
    return ret;
}

/* Takes the same time wherever the texts differ. */
static bool equal_secretly(struct fo_str text, const char *secret, size_t len) {
    unsigned char difference = text.len != len;

    for (size_t i = 0; i < len; i++)
        difference |= (unsigned char)(secret[i] ^ (text.len > 0 ? text.ptr[i % text.len] : 0));
    return difference == 0;
}

static bool has_token(const struct ex_control_door *door, struct ex_http_request *request) {
    static const char scheme[] = "Bearer ";
    struct fo_str header = ex_http_request_header(request, "Authorization");
    size_t skip = sizeof scheme - 1;

    if (!door->token || header.len < skip || strncasecmp(header.ptr, scheme, skip) != 0)
        return false;
    return equal_secretly((struct fo_str){header.ptr + skip, header.len - skip}, door->token,
                          door->token_len);
}

/* ---- who may do what ---- */

static unsigned roles_of(const struct ex_control_door *door, struct fo_str user) {
    static const struct {
        enum ex_role configured;
        enum ex_http_role role;
    } names[] = {
        {EX_ROLE_READ, EX_HTTP_ROLE_READ},
        {EX_ROLE_REPORT, EX_HTTP_ROLE_REPORT},
        {EX_ROLE_CONTROL, EX_HTTP_ROLE_CONTROL},
    };
    unsigned roles = 0;

    for (uint32_t i = 0; i < door->config->role_count; i++) {
        const struct ex_role_grant *grant = &door->config->roles[i];
        if (!fo_str_equal(user, fo_str_of(grant->user)))
            continue;
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            roles |= grant->roles & names[n].configured ? names[n].role : 0u;
    }
    return roles;
}

/* A browser says whose page it asks for. */
static bool comes_from_a_page(struct ex_http_request *request) {
    if (!ex_http_request_header(request, "Origin").ptr)
        return false;
    ex_http_request_withhold(request,
                             "The request has an Origin: no web page may drive this door.");
    return true;
}

/* A browser that was led here by a name of somebody else's sends that name. */
static bool is_known_host(const struct ex_control_door *door, struct ex_http_request *request) {
    if (ex_http_host_is_known(ex_http_request_header(request, "Host"), door->options.addresses,
                              door->options.address_count))
        return true;
    ex_http_request_withhold(
        request, "The Host of this request is not a name of this door: use an address, localhost, "
                 "or a name that --control.listen-address has.");
    return false;
}

static unsigned authorize_local(void *ctx, struct ex_http_request *request,
                                const struct ex_http_peer *peer) {
    return comes_from_a_page(request) ? 0 : ex_http_authorize_default(ctx, request, peer);
}

static unsigned authorize_remote(void *ctx, struct ex_http_request *request,
                                 const struct ex_http_peer *peer) {
    const struct ex_control_door *door = ctx;

    if (comes_from_a_page(request) || !is_known_host(door, request))
        return 0;
    if (has_token(door, request))
        return EX_HTTP_ROLES_ALL;
    return peer->tls && peer->user.len > 0 ? roles_of(door, peer->user) : 0;
}

/* ---- the door ---- */

static int open_local(struct ex_control_door *door, const struct ex_http_route *routes,
                      size_t count, const char *directory, struct fo_error *reterr) {
    char address[sizeof "unix:" + sizeof((struct sockaddr_un *)NULL)->sun_path];
    const char *const addresses[] = {address};
    const struct ex_http_config config = {
        .name = "control",
        .addresses = addresses,
        .address_count = 1,
        .max_requests = REQUESTS_MAX, /* schedulers wait for answers at it */
        .threads = THREADS,
        .json_errors = true,
        .authorize = authorize_local,
    };
    int len = snprintf(address, sizeof address, "unix:%s/control.sock", directory);

    if (len < 0 || (size_t)len >= sizeof address)
        return ex_fail(reterr, -EINVAL, 0, "%s/control.sock: too long for the name of a socket",
                       directory);
    return ex_http_start(&config, routes, count, &door->local, reterr);
}

static int open_remote(struct ex_control_door *door, const struct ex_http_route *routes,
                       size_t count, const char *web_config_path, struct fo_error *reterr) {
    const struct ex_http_config config = {
        .name = "control",
        .addresses = door->options.addresses,
        .address_count = door->options.address_count,
        .web_config_path = web_config_path,
        .max_requests = REQUESTS_MAX,
        .threads = THREADS,
        .json_errors = true,
        .authorize = authorize_remote,
        .authorize_ctx = door,
    };

    if (door->options.address_count == 0)
        return 0;
    if (!door->token && !web_config_path)
        return ex_fail(reterr, -EINVAL, 0,
                       "--control.listen-address needs --control.token-file, or --web.config.file "
                       "with TLS and users who have a role");
    return ex_http_start(&config, routes, count, &door->remote, reterr);
}

int ex_control_door_open(struct ex_control_door *door,
                         const struct ex_control_door_options *options,
                         struct ex_read_door *read_door, const char *directory,
                         const struct ex_config *config, struct fo_error *reterr) {
    struct ex_http_route routes[EX_READ_DOOR_ROUTES + EX_REST_ROUTES_MAX];
    size_t count = ex_read_door_routes(read_door, routes);

    count += ex_rest_control_routes(read_door->rest, routes + count);
    door->options = *options;
    door->config = config;
    int ret = options->token_file ? load_token(door, options->token_file, reterr) : 0;
    if (ret == 0)
        ret = open_local(door, routes, count, directory, reterr);
    if (ret == 0)
        ret = open_remote(door, routes, count, read_door->options.web_config_path, reterr);
    return ret;
}

int ex_control_door_reload(struct ex_control_door *door, struct fo_error *reterr) {
    return door->remote ? ex_http_reload(door->remote, reterr) : 0;
}

void ex_control_door_close(struct ex_control_door *door, uint64_t drain_ms) {
    door->remote = ex_http_stop(door->remote, drain_ms);
    door->local = ex_http_stop(door->local, drain_ms);
    if (door->token)
        explicit_bzero(door->token, door->token_len);
    free(door->token);
    door->token = NULL;
}
