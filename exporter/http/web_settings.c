/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/web_settings.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/config/fail.h"
#include "exporter/config/nearest.h"
#include "exporter/config/tree.h"
#include "exporter/http/go_duration.h"
#include "exporter/http/tls_names.h"

/* Where the reader is: `key` of `object`. */
struct place {
    const struct ex_tree *tree;
    json_t *object;
    const char *key;
    const char *folder;
    struct ex_http_web_settings *settings;
    struct fo_error *reterr;
};

typedef int read_value(struct place *place, json_t *value);

struct known_key {
    const char *name;
    read_value *read;
};

static int line_of(const struct place *place) {
    return ex_tree_key_line(place->tree, place->object, place->key);
}

static struct fo_str text_of(const struct place *place) {
    return ex_tree_key_text(place->tree, place->object, place->key);
}

static int fail_key(const struct place *place, const char *problem) {
    return ex_fail(place->reterr, -EINVAL, line_of(place), "%.*s: %s",
                   ex_shown(fo_str_of(place->key)), place->key, problem);
}

static int fail_unknown(const struct place *place, const struct known_key *keys, size_t count) {
    struct ex_nearest nearest = ex_nearest_to(fo_str_of(place->key));

    for (size_t i = 0; i < count; i++)
        ex_nearest_try(&nearest, fo_str_of(keys[i].name));
    return ex_fail(
        place->reterr, -EINVAL, line_of(place), "unknown key %.*s; the nearest known one is %.*s",
        ex_shown(fo_str_of(place->key)), place->key, (int)nearest.best.len, nearest.best.ptr);
}

static int fail_memory(const struct place *place) {
    return ex_fail(place->reterr, -ENOMEM, 0, "out of memory");
}

/* Reads a map whose keys are all known; null is an empty one. */
static int read_map(const struct place *outer, json_t *map, const struct known_key *keys,
                    size_t count) {
    struct place place = *outer;
    const char *key = NULL;
    json_t *value = NULL;

    if (json_is_null(map))
        return 0;
    if (!json_is_object(map))
        return fail_key(outer, "a map is expected");
    place.object = map;
    json_object_foreach(map, key, value) {
        size_t i = 0;
        place.key = key;
        while (i < count && strcmp(keys[i].name, key) != 0)
            i++;
        int err = i < count ? keys[i].read(&place, value) : fail_unknown(&place, keys, count);
        if (err != 0)
            return err;
    }
    return 0;
}

/* ---- Scalars ---- */

/* A scalar as text, copied; *ret_text stays NULL for an empty one. Replaces what is there. */
static int read_text(struct place *place, json_t *value, char **ret_text) {
    struct fo_str text = text_of(place);

    if (json_is_object(value) || json_is_array(value))
        return fail_key(place, "a text is expected");
    if (memchr(text.len > 0 ? text.ptr : "", '\0', text.len))
        return fail_key(place, "the text holds a NUL");
    if (text.len == 0)
        return 0;
    *ret_text = strndup(text.ptr, text.len);
    return *ret_text ? 0 : fail_memory(place);
}

static int read_path(struct place *place, json_t *value, char **ret_path) {
    char *name = NULL;
    int err = read_text(place, value, &name);

    if (err != 0 || !name || name[0] == '/') {
        *ret_path = name;
        return err;
    }
    size_t size = strlen(place->folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        (void)snprintf(path, size, "%s/%s", place->folder, name);
    free(name);
    *ret_path = path;
    return path ? 0 : fail_memory(place);
}

/* The words that upstream's YAML reader takes for booleans. */
static int read_bool(struct place *place, json_t *value, bool *ret_value) {
    static const char *const words[] = {"false", "no", "off", "n", "true", "yes", "on", "y"};
    enum { WORDS = sizeof words / sizeof words[0] };
    struct fo_str text = text_of(place);

    if (json_is_null(value))
        return 0;
    for (size_t i = 0; i < WORDS; i++) {
        if (!json_is_object(value) && !json_is_array(value) && text.len == strlen(words[i]) &&
            strncasecmp(text.ptr, words[i], text.len) == 0) {
            *ret_value = i >= WORDS / 2;
            return 0;
        }
    }
    return fail_key(place, "true or false is expected");
}

static int read_version(struct place *place, json_t *value, unsigned *ret_version) {
    int version = json_is_string(value) ? ex_http_tls_version(text_of(place)) : -1;

    if (version < 0)
        return fail_key(place, "TLS10, TLS11, TLS12 or TLS13 is expected");
    *ret_version = (unsigned)version;
    return 0;
}

/* A list of names, each of which `find` turns into an index. */
static int read_names(struct place *place, json_t *value, int (*find)(struct fo_str name),
                      unsigned char *ret_indexes, size_t max, size_t *ret_count) {
    size_t count = json_is_array(value) ? json_array_size(value) : 0;

    if (!json_is_array(value) && !json_is_null(value))
        return fail_key(place, "a list is expected");
    if (count > max)
        return fail_key(place, "the list is too long");
    for (size_t i = 0; i < count; i++) {
        struct fo_str name = ex_tree_item_text(place->tree, value, i);
        int index = find(name);
        if (index < 0)
            return ex_fail(place->reterr, -EINVAL, ex_tree_item_line(place->tree, value, i),
                           "%s: %.*s is not known", place->key, ex_shown(name), name.ptr);
        ret_indexes[i] = (unsigned char)index;
    }
    *ret_count = count;
    return 0;
}

/* ---- tls_server_config ---- */

static int read_cert(struct place *place, json_t *value) {
    return read_text(place, value, &place->settings->cert.text);
}

static int read_cert_file(struct place *place, json_t *value) {
    return read_path(place, value, &place->settings->cert.file);
}

static int read_key(struct place *place, json_t *value) {
    return read_text(place, value, &place->settings->key.text);
}

static int read_key_file(struct place *place, json_t *value) {
    return read_path(place, value, &place->settings->key.file);
}

static int read_client_ca(struct place *place, json_t *value) {
    return read_text(place, value, &place->settings->client_ca.text);
}

static int read_client_ca_file(struct place *place, json_t *value) {
    return read_path(place, value, &place->settings->client_ca.file);
}

static int read_client_auth(struct place *place, json_t *value) {
    static const struct {
        const char *name;
        enum ex_http_client_auth auth;
    } policies[] = {
        {"", EX_HTTP_NO_CLIENT_CERT},
        {"NoClientCert", EX_HTTP_NO_CLIENT_CERT},
        {"RequestClientCert", EX_HTTP_REQUEST_CLIENT_CERT},
        {"RequireClientCert", EX_HTTP_REQUIRE_ANY_CLIENT_CERT}, /* an old name of the next */
        {"RequireAnyClientCert", EX_HTTP_REQUIRE_ANY_CLIENT_CERT},
        {"VerifyClientCertIfGiven", EX_HTTP_VERIFY_CLIENT_CERT_IF_GIVEN},
        {"RequireAndVerifyClientCert", EX_HTTP_REQUIRE_AND_VERIFY_CLIENT_CERT},
    };
    struct fo_str text = text_of(place);

    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (!json_is_object(value) && !json_is_array(value) &&
            fo_str_equal(text, fo_str_of(policies[i].name))) {
            place->settings->client_auth = policies[i].auth;
            place->settings->tls = place->settings->tls || text.len > 0;
            return 0;
        }
    }
    return fail_key(place, "not a client authentication type");
}

static int read_sans(struct place *place, json_t *value) {
    struct ex_http_web_settings *settings = place->settings;
    size_t count = json_is_array(value) ? json_array_size(value) : 0;

    if (json_is_null(value))
        return 0;
    if (!json_is_array(value))
        return fail_key(place, "a list is expected");
    settings->sans = calloc(count + 1, sizeof *settings->sans);
    if (!settings->sans)
        return fail_memory(place);
    for (size_t i = 0; i < count; i++) {
        struct fo_str san = ex_tree_item_text(place->tree, value, i);
        settings->sans[i] = strndup(san.len > 0 ? san.ptr : "", san.len);
        if (!settings->sans[i])
            return fail_memory(place);
        settings->san_count = i + 1;
    }
    return 0;
}

static int read_min_version(struct place *place, json_t *value) {
    return read_version(place, value, &place->settings->min_version);
}

static int read_max_version(struct place *place, json_t *value) {
    return read_version(place, value, &place->settings->max_version);
}

static int read_cipher_suites(struct place *place, json_t *value) {
    return read_names(place, value, ex_http_tls_suite, place->settings->suites, EX_HTTP_SUITES_MAX,
                      &place->settings->suite_count);
}

static int read_curves(struct place *place, json_t *value) {
    return read_names(place, value, ex_http_tls_curve, place->settings->curves, EX_HTTP_CURVES_MAX,
                      &place->settings->curve_count);
}

static int read_prefer_server(struct place *place, json_t *value) {
    return read_bool(place, value, &place->settings->prefer_server_suites);
}

static bool is_given(const struct ex_http_pem_source *source) {
    return source->text || source->file;
}

static const char *tls_problem(const struct ex_http_web_settings *settings) {
    enum ex_http_client_auth auth = settings->client_auth;

    if (!is_given(&settings->cert))
        return "cert or cert_file is missing";
    if (!is_given(&settings->key))
        return "key or key_file is missing";
    if ((settings->cert.text && settings->cert.file) ||
        (settings->key.text && settings->key.file) ||
        (settings->client_ca.text && settings->client_ca.file))
        return "something is given both inline and as a file";
    if (is_given(&settings->client_ca) && auth == EX_HTTP_NO_CLIENT_CERT)
        return "there is a client CA, but client_auth_type asks for no certificate";
    if (settings->sans && auth != EX_HTTP_REQUIRE_ANY_CLIENT_CERT &&
        auth != EX_HTTP_REQUIRE_AND_VERIFY_CLIENT_CERT)
        return "client_allowed_sans needs a client_auth_type that requires a certificate";
    if (settings->min_version > settings->max_version)
        return "min_version is above max_version";
    return NULL;
}

static int read_tls(struct place *place, json_t *value) {
    static const struct known_key keys[] = {
        {"cert", read_cert},
        {"cert_file", read_cert_file},
        {"key", read_key},
        {"key_file", read_key_file},
        {"client_ca", read_client_ca},
        {"client_ca_file", read_client_ca_file},
        {"client_auth_type", read_client_auth},
        {"client_allowed_sans", read_sans},
        {"min_version", read_min_version},
        {"max_version", read_max_version},
        {"cipher_suites", read_cipher_suites},
        {"curve_preferences", read_curves},
        {"prefer_server_cipher_suites", read_prefer_server},
    };
    struct ex_http_web_settings *settings = place->settings;
    int err = read_map(place, value, keys, sizeof keys / sizeof keys[0]);

    if (err != 0)
        return err;
    settings->tls = settings->tls || is_given(&settings->cert) || is_given(&settings->key) ||
                    is_given(&settings->client_ca);
    const char *problem = settings->tls ? tls_problem(settings) : NULL;
    return problem ? fail_key(place, problem) : 0;
}

/* ---- http_server_config ---- */

static int read_http2(struct place *place, json_t *value) {
    place->settings->http2_given = true;
    return read_bool(place, value, &place->settings->http2);
}

static const struct {
    const char *name;
    const char *values[3]; /* empty = any */
} headers_known[] = {
    {"Strict-Transport-Security", {NULL}},
    {"X-Content-Type-Options", {"nosniff", NULL}},
    {"X-Frame-Options", {"deny", "sameorigin", NULL}},
    {"X-XSS-Protection", {NULL}},
    {"Content-Security-Policy", {NULL}},
};

static bool is_allowed_value(size_t known, const char *value) {
    const char *const *choice = headers_known[known].values;

    if (!*choice)
        return ex_http_is_header_value(value);
    while (*choice && strcmp(*choice, value) != 0)
        choice++;
    return *choice != NULL;
}

static int read_header(struct place *place, json_t *value) {
    struct ex_http_header *header = &place->settings->headers[place->settings->header_count];
    size_t known = 0;

    while (strcmp(headers_known[known].name, place->key) != 0)
        known++; /* read_map() let only known ones through */
    int err = read_text(place, value, &header->value);
    if (err != 0)
        return err;
    if (!is_allowed_value(known, header->value ? header->value : ""))
        return fail_key(place, "not a value that this header may have");
    if (!header->value)
        return 0;
    place->settings->header_count++;
    header->name = strdup(place->key);
    return header->name ? 0 : fail_memory(place);
}

static int read_headers(struct place *place, json_t *value) {
    static const struct known_key keys[] = {
        {"Strict-Transport-Security", read_header}, {"X-Content-Type-Options", read_header},
        {"X-Frame-Options", read_header},           {"X-XSS-Protection", read_header},
        {"Content-Security-Policy", read_header},
    };

    return read_map(place, value, keys, sizeof keys / sizeof keys[0]);
}

static int read_http(struct place *place, json_t *value) {
    static const struct known_key keys[] = {{"http2", read_http2}, {"headers", read_headers}};

    return read_map(place, value, keys, sizeof keys / sizeof keys[0]);
}

/* ---- basic_auth_users ---- */

bool ex_http_is_bcrypt(const char *hash) {
    static const char base64[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    enum { PREFIX = 7, BODY = 53 };

    if (strlen(hash) != PREFIX + BODY || strncmp(hash, "$2", 2) != 0 || !strchr("aby", hash[2]) ||
        hash[3] != '$' || hash[6] != '$')
        return false;
    if (hash[4] < '0' || hash[4] > '3' || hash[5] < '0' || hash[5] > '9')
        return false;
    int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
    return cost >= 4 && cost <= 31 && strspn(hash + PREFIX, base64) == BODY;
}

static int read_user(struct place *place, json_t *value) {
    struct ex_http_user *user = &place->settings->users[place->settings->user_count];

    place->settings->user_count++;
    int err = read_text(place, value, &user->hash);
    if (err != 0)
        return err;
    if (!user->hash || !ex_http_is_bcrypt(user->hash))
        return fail_key(place, "a bcrypt hash is expected ($2a$, $2b$ or $2y$)");
    if (strlen(place->key) > EX_HTTP_USER_MAX_BYTES)
        return fail_key(place, "the user's name is too long");
    user->name = strdup(place->key);
    return user->name ? 0 : fail_memory(place);
}

static int read_users(struct place *place, json_t *value) {
    struct place inner = *place;
    size_t count = json_object_size(value);
    json_t *hash = NULL;

    if (json_is_null(value))
        return 0;
    if (!json_is_object(value))
        return fail_key(place, "a map is expected");
    if (count > EX_HTTP_USERS_MAX)
        return fail_key(place, "too many users");
    place->settings->users = calloc(count + 1, sizeof *place->settings->users);
    if (!place->settings->users)
        return fail_memory(place);
    inner.object = value;
    json_object_foreach(value, inner.key, hash) {
        int err = read_user(&inner, hash);
        if (err != 0)
            return err;
    }
    return 0;
}

/* ---- rate_limit ---- */

static int read_interval(struct place *place, json_t *value) {
    if (json_is_null(value))
        return 0;
    if (ex_http_go_duration_parse(text_of(place), &place->settings->rate_interval_ns) != 0)
        return fail_key(place, "a duration like 1s or 250ms is expected");
    return 0;
}

static int read_burst(struct place *place, json_t *value) {
    int64_t burst = json_integer_value(value);

    if (json_is_null(value))
        return 0;
    if (!json_is_integer(value) || burst < 0)
        return fail_key(place, "a number of requests is expected");
    place->settings->rate_burst = burst;
    return 0;
}

static int read_rate(struct place *place, json_t *value) {
    static const struct known_key keys[] = {{"interval", read_interval}, {"burst", read_burst}};

    return read_map(place, value, keys, sizeof keys / sizeof keys[0]);
}

/* ---- All of it ---- */

int ex_http_web_settings_parse(struct fo_str bytes, const char *folder,
                               struct ex_http_web_settings *ret_settings, struct fo_error *reterr) {
    static const struct known_key keys[] = {
        {"tls_server_config", read_tls},
        {"http_server_config", read_http},
        {"basic_auth_users", read_users},
        {"rate_limit", read_rate},
    };
    static const struct ex_tree_limits limits = {EX_HTTP_WEB_CONFIG_MAX_BYTES,
                                                 8 * EX_HTTP_USERS_MAX};
    struct ex_http_web_settings settings = {
        .min_version = 12, .max_version = 13, .prefer_server_suites = true, .http2 = true};
    struct ex_tree *tree = NULL;
    int err = ex_tree_parse(bytes, &limits, &tree, reterr);

    if (err != 0)
        return err;
    json_t *root = ex_tree_root(tree);
    struct place place = {.tree = tree,
                          .object = root,
                          .key = "the file",
                          .folder = folder,
                          .settings = &settings,
                          .reterr = reterr};
    err = read_map(&place, root, keys, sizeof keys / sizeof keys[0]);
    tree = ex_tree_free(tree);
    if (err != 0)
        ex_http_web_settings_done(&settings);
    else
        *ret_settings = settings;
    return err;
}

static void free_source(struct ex_http_pem_source *source) {
    if (source->text)
        explicit_bzero(source->text, strlen(source->text));
    free(source->text);
    free(source->file);
}

void ex_http_web_settings_done(struct ex_http_web_settings *settings) {
    free_source(&settings->cert);
    free_source(&settings->key);
    free_source(&settings->client_ca);
    for (size_t i = 0; i < settings->san_count; i++)
        free(settings->sans[i]);
    free(settings->sans);
    for (size_t i = 0; i < EX_HTTP_WEB_HEADERS_MAX; i++) {
        free(settings->headers[i].name);
        free(settings->headers[i].value);
    }
    for (size_t i = 0; i < settings->user_count; i++) {
        free(settings->users[i].name);
        free(settings->users[i].hash);
    }
    free(settings->users);
    *settings = (struct ex_http_web_settings){0};
}
