/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/builtin_database.h"

/* The file goes straight into the program: as a table in C it would take the compiler longer than
 * all the rest. */
__asm__(".pushsection .rodata\n"
        ".balign 64\n"
        "catalogue_builtin_database_begin:\n"
        ".incbin \"" CATALOGUE_DATABASE_FILE "\"\n"
        "catalogue_builtin_database_end:\n"
        ".popsection\n");

extern const char catalogue_builtin_database_begin[];
extern const char catalogue_builtin_database_end[];

struct fo_str catalogue_builtin_database(void) {
    return (struct fo_str){
        catalogue_builtin_database_begin,
        (size_t)(catalogue_builtin_database_end - catalogue_builtin_database_begin)};
}
