/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/auth.h - are user and password right? One thread of its own verifies one bcrypt
 * hash at a time, off the threads that serve; the connection sleeps meanwhile. Verdicts are kept,
 * right ones and wrong ones apart so that guessing does not push the right ones out.
 *
 * What is kept is a keyed hash of user, hash and password, each with its length before it: no two
 * different triples look alike, and no password stays in memory. An unknown user costs as much time
 * as a known one. */
#ifndef EX_HTTP_AUTH_H
#define EX_HTTP_AUTH_H

#include "exporter/http/connection.h"
#include "exporter/http/web_settings.h"

struct ex_http_auth;
struct ex_http_auth_job;

enum ex_http_verdict {
    EX_HTTP_AUTH_RIGHT,
    EX_HTTP_AUTH_WRONG,
    EX_HTTP_AUTH_WAITING, /* not known yet */
    EX_HTTP_AUTH_BUSY,    /* too many are waiting, or there is no memory */
};

/* Starts the thread. A negative errno. */
FO_MUST_CHECK int ex_http_auth_start(struct ex_http_auth **ret_auth);
/* Ends it, after the password that it is at; nobody may ask any more. NULL is allowed. */
void ex_http_auth_stop(struct ex_http_auth *auth);

/* Judges a name and a password; there must be users. WAITING: the connection has been put to sleep;
 * when it is woken, ex_http_auth_result() says more, and ends *ret_job. [libmicrohttpd's thread] */
enum ex_http_verdict ex_http_auth_ask(struct ex_http_auth *auth,
                                      const struct ex_http_web_settings *settings,
                                      struct fo_str name, struct fo_str password,
                                      struct ex_http_connection *connection,
                                      struct ex_http_auth_job **ret_job);

/* The verdict of a job, whose reference it takes. WAITING: there is none yet, and none will come.
 */
enum ex_http_verdict ex_http_auth_result(struct ex_http_auth_job *job);

/* Splits "Basic dXNlcjpwYXNz" into user and password; they point into *ret_storage, which is from
 * malloc(). -EINVAL: it is not that; -ENOMEM. */
FO_MUST_CHECK int ex_http_basic_parse(struct fo_str header, struct fo_str *ret_name,
                                      struct fo_str *ret_password, char **ret_storage);

/* The user of that name, or NULL. */
const struct ex_http_user *ex_http_user_find(const struct ex_http_web_settings *settings,
                                             struct fo_str name);

#endif
