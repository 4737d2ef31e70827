/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_accept.c - Accept and Accept-Encoding headers: any bytes give one of the known answers,
 * and the same bytes give the same one. */
#include <stdlib.h>

#include "exporter/metrics/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *copy = malloc(size); /* of its exact size, so that a byte too far is noticed */
    struct fo_str header = {copy, size};

    if (size > 0 && !copy)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    struct ex_negotiated first = ex_format_negotiate(header);
    struct ex_negotiated again = ex_format_negotiate(header);
    if (first.format != again.format || first.escaping != again.escaping)
        abort();
    const char *type = ex_format_content_type(&first);
    if (strncmp(type, "text/plain; ", 12) != 0 && strncmp(type, "application/", 12) != 0)
        abort();
    enum ex_encoding encoding = ex_encoding_negotiate(header);
    if ((encoding == EX_IDENTITY) != (ex_encoding_name(encoding) == NULL))
        abort();
    free(copy);
    return 0;
}
