/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-engine.h"

#include "conf/argv.h"
#include "conf/outside-say.h"
#include "conf/outside-ssh.h"

bool outside_engine_is_elsewhere(const char *name, char *const *argv, char *const *end, const char *valued) {
        static const struct {
                const char *programs, *option;
                char letter;
        } naming[] = {
                { "docker docker-compose balena balena-engine", "--host", 'H' },
                { "docker docker-compose", "--context", 'c' },
                { "podman podman-remote", "--url", '\0' },
                { "podman podman-remote", "--connection", 'c' },
                { "virsh", "--connect", 'c' },
                { "virt-install", "--connect", '\0' },
        };

        for (size_t i = 0; i < ELEMENTSOF(naming); i++) {
                const char *given = NULL;

                if (!argv_list_has(naming[i].programs, name))
                        continue;
                for (char *const *a = argv + 1; *a && a != end; a++)
                        given = argv_option_value(a, naming[i].letter, naming[i].option, valued) ?: given;
                if (given && !streq(given, "default") && !outside_address_is_here(given))
                        return true;
        }
        return false;
}

static bool calls_an_engine(const char *name, char *const *argv) {
        static const char *const engines[] = { "docker.sock", "podman.sock", "balena-engine.sock", "balena.sock",
                "lxd/unix.socket", "incus/unix.socket", ":2375/", ":2376/" };

        if (streq(name, "pvesh"))
                return argv[1] && streq(argv[1], "create");
        if (argv_list_has("lxc incus", name))
                return argv_has(argv + 1, NULL, "query") &&
                       (argv_has(argv + 1, NULL, "-X") || argv_value(argv + 1, NULL, "--request"));
        for (char *const *a = argv + 1; *a && argv_list_has("curl wget http https", name); a++)
                for (size_t i = 0; i < ELEMENTSOF(engines); i++)
                        if (strstr(*a, engines[i]))
                                return true;
        return false;
}

Outside outside_engine_look_at_call(const char *name, char *const *argv, const char *slice, OutsideFinding *f) {
        static const char *const calls[] = { "/start", "/restart", "/unpause", "/create", "/kube", "/exec", "/resume",
                "/reboot", "/startall", "\"start", "\"restart", "\"unfreeze" };

        if (!calls_an_engine(name, argv))
                return OUTSIDE_NO;
        for (char *const *a = argv + 1; *a; a++)
                for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                        const char *call = strstr(*a, calls[i]);

                        if (!call || !strchr("?\"", call[strlen(calls[i])]))
                                continue;
                        outside_say_what(f, name, calls[i] + 1);
                        return outside_say_laid_down(f, slice, "CgroupParent of the container");
                }
        return OUTSIDE_NO;
}
