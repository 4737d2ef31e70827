/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <strings.h>

#include "exporter/config/fail.h"

/* Of "name:1234", "192.0.2.1" or "[::1]:1234"; a name may end with the dot of the root. */
static bool split_host(struct fo_str text, char ret_host[static EX_HTTP_HOST_MAX_BYTES]) {
    const char *bracket = text.len > 0 ? memrchr(text.ptr, ']', text.len) : NULL;
    const char *colon = text.len > 0 ? memrchr(text.ptr, ':', text.len) : NULL;

    if (colon && (!bracket || colon > bracket))
        text.len = (size_t)(colon - text.ptr);
    if (text.len > 1 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
        text = (struct fo_str){text.ptr + 1, text.len - 2};
    if (text.len > 1 && text.ptr[text.len - 1] == '.')
        text.len--;
    if (text.len == 0 || text.len >= EX_HTTP_HOST_MAX_BYTES)
        return false;
    memcpy(ret_host, text.ptr, text.len);
    ret_host[text.len] = '\0';
    return true;
}

static bool is_local(const char *host) {
    static const char local[] = "localhost";
    unsigned char binary[sizeof(struct in6_addr)];
    size_t len = strlen(host);
    size_t rest = len - (sizeof local - 1);

    if (inet_pton(AF_INET, host, binary) == 1 || inet_pton(AF_INET6, host, binary) == 1)
        return true;
    return len >= sizeof local - 1 && strcasecmp(host + rest, local) == 0 &&
           (rest == 0 || host[rest - 1] == '.');
}

/* The next name of a list with commas; `list` moves behind it. False at the end. */
static bool next_name(const char **list, struct fo_str *ret_name) {
    static const char between[] = ", ";

    *list += strspn(*list, between);
    *ret_name = (struct fo_str){*list, strcspn(*list, between)};
    *list += ret_name->len;
    return ret_name->len > 0;
}

/* "https://name:1/path" to "name:1". */
static struct fo_str authority_of(struct fo_str name) {
    static const char mark[] = "://";
    const char *scheme = memmem(name.ptr, name.len, mark, sizeof mark - 1);

    if (scheme) {
        size_t skip = (size_t)(scheme - name.ptr) + sizeof mark - 1;
        name = (struct fo_str){name.ptr + skip, name.len - skip};
    }
    const char *path = name.len > 0 ? memchr(name.ptr, '/', name.len) : NULL;
    return (struct fo_str){name.ptr, path ? (size_t)(path - name.ptr) : name.len};
}

static bool is_among(const char *host, const char *names) {
    char own[EX_HTTP_HOST_MAX_BYTES];
    struct fo_str name;

    while (next_name(&names, &name)) {
        if (split_host(authority_of(name), own) && strcasecmp(host, own) == 0)
            return true;
    }
    return false;
}

bool ex_http_host_is_known(struct fo_str header, const char *const *names, size_t count) {
    char host[EX_HTTP_HOST_MAX_BYTES];

    if (!split_host(header, host))
        return false;
    bool known = is_local(host);
    for (size_t i = 0; i < count && !known; i++)
        known = names[i] && is_among(host, names[i]);
    return known;
}

int ex_http_host_check_names(const char *names, struct fo_error *reterr) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-._:[]";
    char host[EX_HTTP_HOST_MAX_BYTES];
    struct fo_str name;
    bool any = false;

    while (next_name(&names, &name)) {
        any = true;
        if (strspn(name.ptr, allowed) < name.len || !split_host(name, host))
            return ex_fail(reterr, -EINVAL, 0,
                           "--web.allowed-hosts: \"%.*s\" is not the name of a host, such as "
                           "status.example.com; there are no patterns",
                           (int)(name.len < 80 ? name.len : 80), name.ptr);
    }
    return any ? 0 : ex_fail(reterr, -EINVAL, 0, "--web.allowed-hosts: no name is given");
}
