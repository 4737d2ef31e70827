/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/http/auth.h"

#include <crypt.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <strings.h>

#include "exporter/base/buffer.h"
#include "exporter/http/limits.h"

enum { KEY_BYTES = 32, HASH_BYTES = 60 };

struct cache {
    unsigned char keys[EX_HTTP_AUTH_CACHE_MAX][KEY_BYTES];
    size_t count;
    size_t next; /* to be replaced */
};

/* Two references: the request's and the queue's. */
struct ex_http_auth_job {
    atomic_uint refs;
    _Atomic int verdict;
    struct ex_http_auth_job *next;
    struct ex_http_connection *connection;
    uint64_t turn;
    unsigned char key[KEY_BYTES];
    char hash[HASH_BYTES + 1];
    bool hopeless; /* whatever the hash says, it is wrong */
    char password[EX_HTTP_PASSWORD_MAX_BYTES + 1];
};

struct ex_http_auth {
    unsigned char secret[KEY_BYTES];
    struct crypt_data scratch; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock; /* all below; taken before a connection's */
    pthread_cond_t changed;
    struct cache right;
    struct cache wrong;
    struct ex_http_auth_job *first;
    struct ex_http_auth_job *last;
    size_t waiting;
    bool stopping;
};

/* ---- Verdicts kept ---- */

static bool is_kept(const struct cache *cache, const unsigned char *key) {
    bool found = false;

    for (size_t i = 0; i < cache->count; i++)
        found = gnutls_memcmp(cache->keys[i], key, KEY_BYTES) == 0 || found;
    return found;
}

static void keep(struct cache *cache, const unsigned char *key) {
    memcpy(cache->keys[cache->next], key, KEY_BYTES);
    cache->next = (cache->next + 1) % EX_HTTP_AUTH_CACHE_MAX;
    if (cache->count < EX_HTTP_AUTH_CACHE_MAX)
        cache->count++;
}

static enum ex_http_verdict look_up(const struct ex_http_auth *auth, const unsigned char *key) {
    if (is_kept(&auth->right, key))
        return EX_HTTP_AUTH_RIGHT;
    return is_kept(&auth->wrong, key) ? EX_HTTP_AUTH_WRONG : EX_HTTP_AUTH_WAITING;
}

static int make_key(const struct ex_http_auth *auth, struct fo_str name, struct fo_str hash,
                    struct fo_str password, unsigned char ret_key[static KEY_BYTES]) {
    const struct fo_str parts[] = {name, hash, password};
    struct ex_buffer text;

    ex_buffer_init(&text, EX_HTTP_USER_MAX_BYTES + EX_HTTP_PASSWORD_MAX_BYTES + 256);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        ex_buffer_append_u64(&text, parts[i].len);
        ex_buffer_append_char(&text, ':');
        ex_buffer_append_str(&text, parts[i]);
    }
    int err = text.failure;
    if (err == 0 && gnutls_hmac_fast(GNUTLS_MAC_SHA256, auth->secret, KEY_BYTES, text.bytes,
                                     text.len, ret_key) < 0)
        err = -EIO;
    if (text.bytes)
        explicit_bzero(text.bytes, text.capacity);
    ex_buffer_done(&text);
    return err;
}

/* ---- Jobs ---- */

static void unref_job(struct ex_http_auth_job *job) {
    if (atomic_fetch_sub(&job->refs, 1) != 1)
        return;
    ex_http_connection_unref(job->connection);
    explicit_bzero(job->password, sizeof job->password);
    free(job);
}

static struct ex_http_auth_job *job_new(struct fo_str password, const char *hash,
                                        const unsigned char *key,
                                        struct ex_http_connection *connection) {
    struct ex_http_auth_job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    atomic_init(&job->refs, 2);
    atomic_init(&job->verdict, EX_HTTP_AUTH_WAITING);
    job->connection = ex_http_connection_ref(connection);
    job->turn = connection->turn; /* only this thread changes it */
    memcpy(job->key, key, KEY_BYTES);
    memcpy(job->hash, hash, HASH_BYTES);
    if (password.len > 0)
        memcpy(job->password, password.ptr, password.len);
    return job;
}

enum ex_http_verdict ex_http_auth_result(struct ex_http_auth_job *job) {
    enum ex_http_verdict verdict = (enum ex_http_verdict)atomic_load(&job->verdict);

    unref_job(job);
    return verdict;
}

/* ---- The thread ---- */

static bool verify(struct ex_http_auth *auth, const struct ex_http_auth_job *job) {
    const char *hash = crypt_r(job->password, job->hash, &auth->scratch);
    bool same =
        hash && strlen(hash) == HASH_BYTES && gnutls_memcmp(hash, job->hash, HASH_BYTES) == 0;

    return same && !job->hopeless;
}

/* The next job, or NULL at the end; the lock is held. */
static struct ex_http_auth_job *next_job(struct ex_http_auth *auth) {
    while (!auth->first && !auth->stopping)
        (void)pthread_cond_wait(&auth->changed, &auth->lock);
    struct ex_http_auth_job *job = auth->stopping ? NULL : auth->first;
    if (job) {
        auth->first = job->next;
        if (!auth->first)
            auth->last = NULL;
        auth->waiting--;
    }
    return job;
}

static void *verify_all(void *ctx) {
    struct ex_http_auth *auth = ctx;
    struct ex_http_auth_job *job = NULL;

    (void)pthread_mutex_lock(&auth->lock);
    while ((job = next_job(auth)) != NULL) {
        /* Somebody before it may have asked the same. */
        enum ex_http_verdict verdict = look_up(auth, job->key);
        if (verdict == EX_HTTP_AUTH_WAITING) {
            (void)pthread_mutex_unlock(&auth->lock);
            verdict = verify(auth, job) ? EX_HTTP_AUTH_RIGHT : EX_HTTP_AUTH_WRONG;
            (void)pthread_mutex_lock(&auth->lock);
            keep(verdict == EX_HTTP_AUTH_RIGHT ? &auth->right : &auth->wrong, job->key);
        }
        atomic_store(&job->verdict, (int)verdict);
        ex_http_connection_wake(job->connection, job->turn);
        unref_job(job);
    }
    (void)pthread_mutex_unlock(&auth->lock);
    return NULL;
}

int ex_http_auth_start(struct ex_http_auth **ret_auth) {
    struct ex_http_auth *auth = calloc(1, sizeof *auth);

    if (!auth)
        return -ENOMEM;
    int err = gnutls_rnd(GNUTLS_RND_KEY, auth->secret, sizeof auth->secret) < 0 ? -EIO : 0;
    if (err == 0)
        err = -pthread_mutex_init(&auth->lock, NULL);
    if (err != 0)
        goto free_auth;
    err = -pthread_cond_init(&auth->changed, NULL);
    if (err != 0)
        goto destroy_lock;
    err = -pthread_create(&auth->thread, NULL, verify_all, auth);
    if (err != 0)
        goto destroy_changed;
    *ret_auth = auth;
    return 0;

destroy_changed:
    (void)pthread_cond_destroy(&auth->changed);
destroy_lock:
    (void)pthread_mutex_destroy(&auth->lock);
free_auth:
    free(auth);
    return err;
}

void ex_http_auth_stop(struct ex_http_auth *auth) {
    if (!auth)
        return;
    (void)pthread_mutex_lock(&auth->lock);
    auth->stopping = true;
    (void)pthread_cond_signal(&auth->changed);
    (void)pthread_mutex_unlock(&auth->lock);
    (void)pthread_join(auth->thread, NULL);
    while (auth->first) {
        struct ex_http_auth_job *job = auth->first;
        auth->first = job->next;
        unref_job(job);
    }
    (void)pthread_cond_destroy(&auth->changed);
    (void)pthread_mutex_destroy(&auth->lock);
    explicit_bzero(auth, sizeof *auth);
    free(auth);
}

/* ---- Asking ---- */

/* The lock is held, so that the thread cannot wake the connection before it sleeps. */
static enum ex_http_verdict enqueue(struct ex_http_auth *auth, struct ex_http_auth_job *job) {
    if (auth->waiting >= EX_HTTP_AUTH_QUEUE_MAX || !ex_http_connection_sleep(job->connection))
        return EX_HTTP_AUTH_BUSY;
    if (auth->last)
        auth->last->next = job;
    else
        auth->first = job;
    auth->last = job;
    auth->waiting++;
    (void)pthread_cond_signal(&auth->changed);
    return EX_HTTP_AUTH_WAITING;
}

enum ex_http_verdict ex_http_auth_ask(struct ex_http_auth *auth,
                                      const struct ex_http_web_settings *settings,
                                      struct fo_str name, struct fo_str password,
                                      struct ex_http_connection *connection,
                                      struct ex_http_auth_job **ret_job) {
    const struct ex_http_user *user = ex_http_user_find(settings, name);
    const char *hash = user ? user->hash : settings->users[0].hash;
    unsigned char key[KEY_BYTES];

    if (name.len > EX_HTTP_USER_MAX_BYTES || password.len > EX_HTTP_PASSWORD_MAX_BYTES)
        return EX_HTTP_AUTH_WRONG;
    if (make_key(auth, name, fo_str_of(hash), password, key) != 0)
        return EX_HTTP_AUTH_BUSY;
    (void)pthread_mutex_lock(&auth->lock);
    enum ex_http_verdict verdict = look_up(auth, key);
    (void)pthread_mutex_unlock(&auth->lock);
    if (verdict != EX_HTTP_AUTH_WAITING)
        return verdict;

    struct ex_http_auth_job *job = job_new(password, hash, key, connection);
    if (!job)
        return EX_HTTP_AUTH_BUSY;
    job->hopeless = !user || (password.len > 0 && memchr(password.ptr, '\0', password.len));
    (void)pthread_mutex_lock(&auth->lock);
    verdict = enqueue(auth, job);
    (void)pthread_mutex_unlock(&auth->lock);
    if (verdict == EX_HTTP_AUTH_BUSY) {
        unref_job(job);
        unref_job(job);
    } else {
        *ret_job = job;
    }
    return verdict;
}

/* Looks at all of them, whether found or not. */
const struct ex_http_user *ex_http_user_find(const struct ex_http_web_settings *settings,
                                             struct fo_str name) {
    const struct ex_http_user *found = NULL;

    for (size_t i = 0; i < settings->user_count; i++) {
        if (fo_str_equal(fo_str_of(settings->users[i].name), name))
            found = &settings->users[i];
    }
    return found;
}

int ex_http_basic_parse(struct fo_str header, struct fo_str *ret_name, struct fo_str *ret_password,
                        char **ret_storage) {
    static const char scheme[] = "Basic ";
    enum { SCHEME_LEN = sizeof scheme - 1 };
    gnutls_datum_t decoded = {NULL, 0};

    if (header.len <= SCHEME_LEN || strncasecmp(header.ptr, scheme, SCHEME_LEN) != 0)
        return -EINVAL;
    union {
        const char *text;
        unsigned char *only_read; /* GnuTLS takes no pointer to const here */
    } encoded = {header.ptr + SCHEME_LEN};
    gnutls_datum_t base64 = {encoded.only_read, (unsigned)(header.len - SCHEME_LEN)};
    if (gnutls_base64_decode2(&base64, &decoded) < 0)
        return -EINVAL;
    char *storage = (char *)decoded.data;
    char *colon = storage ? memchr(storage, ':', decoded.size) : NULL;
    if (!colon) {
        gnutls_free(storage);
        return -EINVAL;
    }
    *ret_name = (struct fo_str){storage, (size_t)(colon - storage)};
    *ret_password = (struct fo_str){colon + 1, decoded.size - ret_name->len - 1};
    *ret_storage = storage;
    return 0;
}
