/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/file_system.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "exporter/base/log.h"

#define FUSE_MAGIC 0x65735546UL

static int fail(struct fo_error *reterr, int code, const char *directory, const char *why) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "--storage.path %.120s: %.110s", directory,
                   why);
    return code;
}

static int refuse(struct fo_error *reterr, const char *directory, const char *what) {
    char why[112];

    (void)snprintf(why, sizeof why, "is on %.40s; state must be on a file system of this machine",
                   what);
    return fail(reterr, -ENOTSUP, directory, why);
}

/* ---- what the kernel names by a number ---- */

static const char *network_name(unsigned long magic) {
    static const struct {
        unsigned long magic;
        const char *name;
    } networks[] = {
        {0x6969, "NFS"},       {0x517b, "SMB"},      {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"},
        {0x01021997, "9P"},    {0x5346414f, "AFS"},  {0x00c36400, "Ceph"}, {0x0bd00bd0, "Lustre"},
        {0x7461636f, "OCFS2"}, {0x01161970, "GFS2"}, {0x47504653, "GPFS"}, {0x19830326, "BeeGFS"},
        {0x73757245, "Coda"},  {0x6b414653, "AFS"},
    };

    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        if (networks[i].magic == magic)
            return networks[i].name;
    }
    return NULL;
}

/* ---- FUSE: one number for all, but the table of mounts has names ---- */

enum ex_file_system_kind ex_file_system_kind_of(const char *type) {
    static const char *const networks[] = {
        "fuse.sshfs",     "fuse.glusterfs",     "fuse.s3fs",        "fuse.gcsfuse",
        "fuse.rclone",    "fuse.goofys",        "fuse.ceph-fuse",   "fuse.curlftpfs",
        "fuse.davfs",     "fuse.fuse_dfs",      "fuse.juicefs",     "fuse.gvfsd-fuse",
        "fuse.seaweedfs", "fuse.smbnetfs",      "fuse.mfs",         "fuse.blobfuse",
        "fuse.blobfuse2", "fuse.mountpoint-s3", "fuse.objectivefs", "fuse.JuiceFS",
    };

    if (strcmp(type, "fuseblk") == 0 || strncmp(type, "fuseblk.", 8) == 0)
        return EX_FILE_SYSTEM_LOCAL;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        if (strcmp(type, networks[i]) == 0)
            return EX_FILE_SYSTEM_NETWORK;
    }
    return EX_FILE_SYSTEM_UNKNOWN;
}

/* "36 35 98:0 /root /mnt rw master:1 - ext4 /dev/sda1 rw": the third field, and what follows the
 * hyphen. */
static bool read_mount(const char *line, dev_t device, char *ret_type) {
    unsigned parent;
    unsigned id;
    unsigned high;
    unsigned low;
    const char *type = strstr(line, " - ");

    /* NOLINTNEXTLINE(cert-err34-c): the kernel writes it, and a wrong number is another device */
    if (!type || sscanf(line, "%u %u %u:%u", &id, &parent, &high, &low) != 4 ||
        high != major(device) || low != minor(device))
        return false;
    type += 3;
    (void)snprintf(ret_type, EX_FILE_SYSTEM_TYPE_BYTES, "%.*s", (int)strcspn(type, " \n"), type);
    return true;
}

void ex_file_system_type(FILE *mounts, dev_t device,
                         char ret_type[static EX_FILE_SYSTEM_TYPE_BYTES]) {
    char *line = NULL;
    size_t size = 0;

    ret_type[0] = '\0';
    while (getline(&line, &size, mounts) != -1) {
        if (read_mount(line, device, ret_type))
            break;
    }
    free(line);
}

static int check_fuse(const char *directory, struct fo_error *reterr) {
    char type[EX_FILE_SYSTEM_TYPE_BYTES] = "";
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    struct stat status;

    if (mounts && stat(directory, &status) == 0)
        ex_file_system_type(mounts, status.st_dev, type);
    if (mounts)
        (void)fclose(mounts);
    switch (ex_file_system_kind_of(type)) {
    case EX_FILE_SYSTEM_LOCAL:
        return 0;
    case EX_FILE_SYSTEM_NETWORK:
        return refuse(reterr, directory, type);
    case EX_FILE_SYSTEM_UNKNOWN:
        break;
    }
    ex_log(EX_LOG_WARN,
           "--storage.path is on FUSE: what keeps state safe (locks, memory maps, fsync) is up to "
           "a program that is not known here. If it speaks to another machine, state can be lost, "
           "or two daemons run every task twice.",
           EX_TEXT("path", directory), EX_TEXT("type", type[0] ? type : "unknown"));
    return 0;
}

int ex_file_system_check(const char *directory, struct fo_error *reterr) {
    struct statfs status;

    if (statfs(directory, &status) == -1)
        return fail(reterr, -errno, directory, strerrordesc_np(errno));
    unsigned long magic = (unsigned long)status.f_type & 0xffffffff;
    const char *network = network_name(magic);
    if (network)
        return refuse(reterr, directory, network);
    return magic == FUSE_MAGIC ? check_fuse(directory, reterr) : 0;
}
