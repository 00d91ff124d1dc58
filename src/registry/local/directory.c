/* SPDX-License-Identifier: Apache-2.0 */
/* Where a local registry may lie: locks must mean the same to all who use it, so one kernel must own the disk. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "registry/local/directory.h"
#include "util/file-util.h"

const char *local_network_file_system(long magic) {
        static const struct {
                uint32_t magic;
                const char *name;
        } table[] = {
                { 0x6969, "NFS" },
                { 0x517b, "SMB" },
                { 0xff534d42, "CIFS" },
                { 0xfe534d42, "SMB" },
                { 0x00c36400, "Ceph" },
                { 0x5346414f, "AFS" },
                { 0x6b414653, "AFS" },
                { 0x73757245, "Coda" },
                { 0x564c, "NCP" },
                { 0x01021997, "9P" },
                { 0x65735546, "FUSE" },
                { 0x7461636f, "OCFS2" },
                { 0x01161970, "GFS2" },
                { 0x0bd00bd0, "Lustre" },
                { 0x47504653, "GPFS" },
                { 0x19830326, "BeeGFS" },
                { 0x20030528, "OrangeFS" },
                { 0xaad7aaea, "PanFS" },
                { 0x786f4256, "VirtualBox" },
                { 0xbacbacbc, "VMware" },
                { 0x013111a8, "IBRIX" },
                { 0x61636673, "ACFS" },
                { 0xc0ffee, "HostFS" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if ((uint32_t) magic == table[i].magic)
                        return table[i].name;
        return NULL;
}

/* Whoever can write to the directory can put another store in its place, with leases as he likes. */
static bool others_can_write(const struct stat *st) {
        return st->st_mode & 0022 || (st->st_uid != 0 && st->st_uid != geteuid());
}

int local_directory_prepare(const char *directory, char **ret_error) {
        const char *network = NULL;
        struct statfs fs;
        struct stat st;
        int r;

        if (directory[0] != '/') {
                r = -EINVAL;
                if (asprintf(ret_error, "%s: not an absolute path", directory) < 0)
                        *ret_error = NULL;
                return r;
        }
        r = mkdir_parents(directory, 0755);
        if (r == 0 && (statfs(directory, &fs) < 0 || stat(directory, &st) < 0))
                r = -errno;
        if (r == 0 && others_can_write(&st)) {
                if (asprintf(ret_error,
                                    "%s: other users can write to it (owner %u, mode %04o): a local registry needs "
                                    "a directory of root's with mode 0755 or 0700",
                                    directory, (unsigned) st.st_uid, (unsigned) st.st_mode & 07777) < 0)
                        *ret_error = NULL;
                return -EPERM;
        }
        if (r == 0) {
                network = local_network_file_system((long) fs.f_type);
                if (!network)
                        return 0;
                r = -EREMOTE;
        }
        if (network ? asprintf(ret_error,
                                      "%s: lies on a network or shared file system (%s): a local registry "
                                      "excludes nobody outside its machine; use a directory on a local disk, or "
                                      "etcd",
                                      directory, network) < 0
                    : asprintf(ret_error, "%s: cannot be made or used: %s", directory, strerror(-r)) < 0)
                *ret_error = NULL;
        return r;
}
