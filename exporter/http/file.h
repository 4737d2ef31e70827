/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/http/file.h - a small file with secrets in it, read whole.
 * Owns: nothing. Threads: any. */
#ifndef EX_HTTP_FILE_H
#define EX_HTTP_FILE_H

#include "exporter/base/buffer.h"

/* Appends the file to `bytes`, up to its ceiling. The negative errno, told in `reterr`. */
FO_MUST_CHECK int ex_http_file_read(const char *path, struct ex_buffer *bytes,
                                    struct fo_error *reterr);

/* Ends the buffer after wiping it. */
void ex_http_file_forget(struct ex_buffer *bytes);

#endif
