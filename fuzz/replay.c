/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/replay.c - feeds every file of the folders given to a fuzz target, without a fuzzer, so that
 * ctest replays the corpora with any compiler. An empty corpus is an error, not a pass. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX_BYTES = 1024 * 1024, PATH_MAX_BYTES = 4096 };

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rbe");
    uint8_t *data = malloc(INPUT_MAX_BYTES);
    size_t size = 0;

    if (file && data)
        size = fread(data, 1, INPUT_MAX_BYTES, file);
    int failed = !file || !data || ferror(file);
    if (failed)
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
    else
        (void)LLVMFuzzerTestOneInput(data, size);
    if (file)
        (void)fclose(file);
    free(data);
    return failed ? -1 : 0;
}

static int replay_folder(const char *folder) {
    DIR *dir = opendir(folder);
    int replayed = 0;

    if (!dir) {
        (void)fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return -1;
    }
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[PATH_MAX_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (replay_file(path) != 0) {
            (void)closedir(dir);
            return -1;
        }
        replayed++;
    }
    (void)closedir(dir);
    return replayed;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        int replayed = replay_folder(argv[i]);
        if (replayed <= 0) {
            (void)fprintf(stderr, "%s: nothing replayed\n", argv[i]);
            return 1;
        }
        (void)printf("%s: %d inputs replayed\n", argv[i], replayed);
    }
    return argc > 1 ? 0 : 1;
}
