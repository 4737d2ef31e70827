/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/page/files.h - the files of the status page as they are linked in. Private to this room;
 * embed.py makes the tables. Owns: nothing, all is constant. Threads: any. */
#ifndef EX_PAGE_FILES_H
#define EX_PAGE_FILES_H

#include "failover/types.h"

struct ex_page_file {
    const char *name; /* "app.js" */
    const char *content_type;
    const char *etag; /* with its quotation marks */
    struct fo_str plain;
    struct fo_str gzip;
};

extern const struct ex_page_file ex_page_files[]; /* the first is index.html */
extern const size_t ex_page_file_count;
extern const char ex_page_version[]; /* of all but index.html */

#endif
