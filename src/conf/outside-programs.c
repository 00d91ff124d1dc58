/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-programs.h"

#include "conf/outside.h" /* OUTSIDE_WRITE */

static bool is_one_of(const char *name, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (streq(name, names[i]))
                        return true;
        return false;
}

bool outside_is_shell(const char *name) {
        static const char *const names[] = { "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "rbash",
                "posh", "yash", "csh", "tcsh", "execlineb" };

        return is_one_of(name, names, ELEMENTSOF(names));
}

bool outside_is_wrapper(const char *name) {
        static const char *const names[] = { "env", "nice", "ionice", "timeout", "nohup", "setsid", "stdbuf", "chrt",
                "taskset", "flock", "time", "sudo", "doas", "runuser", "setpriv", "unshare", "nsenter", "chroot", "ip",
                "systemd-cat", "systemd-inhibit", "systemd-socket-activate", "prlimit", "numactl", "tini", "dumb-init",
                "catatonit", "xargs", "strace", "ltrace", "valgrind", "gdb", "perf", "busybox", "toybox", "gosu",
                "su-exec", "setuidgid", "envuidgid", "envdir", "setlock", "s6-setuidgid", "s6-envuidgid", "s6-envdir",
                "s6-setlock", "s6-setsid", "s6-softlimit", "with-contenv", "chpst", "softlimit", "script",
                "start-stop-daemon", "daemon", "daemonize", "exec", "command", "builtin", "eval", "coproc", "bwrap",
                "firejail", "faketime", "caffeinate", "watch", "until", "while", "if", "then", "else", "elif", "do",
                "!", "{", "function", "trap", "cgexec", "parallel", "sem", "run-one", "logsave", "unbuffer", "rlwrap",
                "chronic", "find", "pkexec", "sg", "choom", "setarch", "linux32", "linux64", "i386", "x86_64",
                "fakeroot", "capsh", "runcon", "aa-exec", "xvfb-run", "dbus-run-session", "dbus-launch", "ssh-agent",
                "proxychains", "proxychains4", "torsocks", "tsocks", "cpulimit", "rootlesskit", "pasta", "screen",
                "tmux", "byobu", "dtach", "abduco", "eatmydata", "nocache", "tsp", "gdbserver", "systemd-notify",
                "systemd-run", "etcdctl", "consul", "spawn", "ncat", "sshpass", "npx", "uclampset", "schedtool",
                "coresched", "nq", "task-spooler", "lckdo", "cronic", "microk8s", "k3s", "k0s", "minikube" };

        return is_one_of(name, names, ELEMENTSOF(names));
}

bool outside_is_replaced(const char *name) {
        static const char *const names[] = { "env", "nice", "ionice", "chrt", "taskset", "nohup", "stdbuf", "setpriv",
                "prlimit", "numactl", "choom", "setarch", "linux32", "linux64", "i386", "x86_64", "chroot", "ip",
                "gosu", "su-exec", "setuidgid", "envuidgid", "envdir", "setlock", "s6-setuidgid", "s6-envuidgid",
                "s6-envdir", "s6-softlimit", "with-contenv", "chpst", "softlimit", "runcon", "aa-exec", "capsh",
                "systemd-cat", "uclampset", "schedtool", "coresched", "eatmydata", "nocache", "torsocks", "tsocks" };

        return is_one_of(name, names, ELEMENTSOF(names));
}

bool outside_runs_none(const char *name) {
        static const char *const names[] = { "[", "[[", "test", "echo", "printf", "logger", "wall", "notify-send",
                "mail", "mailx", "pgrep", "pkill", "pidof", "killall", "kill", "fuser", "lsof", "which", "whereis",
                "type", "hash", "grep", "egrep", "fgrep", "zgrep", "sed", "git", "ls", "cat", "head", "tail", "cp",
                "mv", "ln", "rm", "rsync", "install", "touch", "stat", "file", "readlink", "realpath", "basename",
                "dirname", "md5sum", "sha256sum", "sha512sum", "cmp", "diff", "chmod", "chown", "chgrp", "setcap",
                "getcap", "setfacl", "getfacl", "chcon", "restorecon", "ldd", "strip", "objcopy",
                "update-alternatives", "dpkg", "dpkg-query", "dpkg-divert", "apt-get", "rpm", "dnf", "useradd",
                "usermod", "adduser", "tar", "zip", "set", "export", "unset", "alias", "local", "declare", "cd",
                "mkdir", "docker", "podman", "podman-remote", "nerdctl", "finch", "balena", "balena-engine", "ctr",
                "runc", "crun", "youki", "runsc", "crictl", "kubectl", "oc", "nomad", "helm", "lxc", "incus",
                "lxc-start", "lxc-execute", "lxc-attach", "systemd-nspawn", "systemd-vmspawn", "machinectl",
                "distrobox", "toolbox", "flatpak", "apptainer", "singularity", "jailer", "vagrant", "multipass",
                "limactl", "ssh", "slogin", "autossh", "su", OUTSIDE_WRITE, "tee", "dd" };

        return is_one_of(name, names, ELEMENTSOF(names));
}
