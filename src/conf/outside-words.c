/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "conf/argv.h"
#include "conf/outside-programs.h"
#include "conf/outside-variables.h"
#include "util/strv.h"
#include "util/text.h"

#define DEPTH_MAX 8u
#define ROOM_MAX ((size_t) 64 * 1024)

typedef struct Look {
        outside_command_t f;
        void *userdata;
        bool over; /* f has seen enough */
        unsigned depth;
        bool trying;       /* a wrapper's words are tried, each as the beginning of a command */
        bool redirected;   /* SYSTEMCTL_SKIP_REDIRECT= stands before the command */
        bool forked;       /* the command's parent is not PID 1 ... */
        bool shell_forked; /* ... and not that of the shell whose command it is either: "exec" gives it that parent */
        char **variables;  /* that the commands have, or set themselves */
        size_t room;       /* for the values of variables that are put in: each may hold others, and grow with them */
} Look;

/* The words of one command of a script, while the command is read. */
typedef struct Command {
        char **words;
        size_t n;
        char *word; /* the word that is being read; NULL: there is none */
        size_t length;
        bool forks;  /* the shell makes a process for the command, and "exec" replaces only that one */
        bool skips;  /* SYSTEMCTL_SKIP_REDIRECT= stands before the command */
        bool drop;   /* the word is the target of a redirection */
        bool writes; /* to that target */
} Command;

static void look_at(Look *l, char *const *argv);
static void ask_service(Look *l, char *const *argv);
static void look_at_script(Look *l, const char *script, size_t size);
static bool is_interpreter(const char *name);
static void look_at_code(Look *l, char *const *argv);
static void look_at_socat(Look *l, char *const *argv);

/* ---- what is looked through ---- */

/* Whether a word of a shell's command line says that a script follows: "-c", "-ec", "-lc". */
static bool asks_for_script(const char *word) {
        return word[0] == '-' && word[1] != '-' && strchr(word, 'c');
}

/* Whether a word is none of the options of a wrapper, as far as that can be told: a word right behind an option may be
 * the value of it. */
static bool is_past_options(char *const *w) {
        return strchr(*w, '/') || w[-1][0] != '-';
}

/* Behind the options of a shell or an interpreter stands a file, which is a program as any other, and has the words
 * behind it: "bash /usr/bin/lxc-start". */
static void look_at_file(Look *l, char *const *argv) {
        for (char *const *w = argv + 1; *w; w++)
                if (**w != '-' && **w != '+') {
                        look_at(l, w);
                        if (is_past_options(w))
                                return;
                }
}

/* How many of the words behind a word of options are values of it: "-euo pipefail". */
static size_t count_values(const char *word) {
        size_t n = 0;

        if (startswith(word, "--") || (word[0] != '-' && word[0] != '+'))
                return 0;
        for (; *word; word++)
                n += *word == 'o' || *word == 'O';
        return n;
}

static void look_at_shell(Look *l, char *const *argv) {
        char *const *w = argv + 1;
        size_t values;

        while (*w && !asks_for_script(*w))
                w++;
        if (!*w) {
                look_at_file(l, argv);
                return;
        }
        values = count_values(*w);
        for (w++; *w && (values > 0 || **w == '-' || **w == '+'); w++)
                if (values > 0)
                        values--;
                else if (streq(*w, "--")) {
                        w++;
                        break;
                } else
                        values = count_values(*w);
        if (!*w)
                return;
        outside_variable_set_words(&l->variables, w + 1);
        look_at_script(l, *w, strlen(*w));
}

/* How many words a wrapper takes for itself before the command, besides its options: "flock FILE", "ip netns exec
 * NAME". */
static unsigned operands_of(const char *name) {
        bool one = argv_list_has("flock timeout chrt taskset chroot gosu su-exec setlock setuidgid envuidgid envdir "
                                 "s6-setlock s6-setuidgid s6-envuidgid s6-envdir dtach faketime logsave runcon sg",
                        name);

        return streq(name, "ip") ? 3 : one;
}

static bool is_assignment(const char *word) {
        size_t n = 0;

        while (isalnum((unsigned char) word[n]) || word[n] == '_')
                n++;
        return n > 0 && word[n] == '=';
}

/* A command of the shell begins at the word behind one of these. */
static bool is_keyword(const char *word) {
        return argv_list_has("if then else elif while until do ! {", word);
}

/* "command -v PROGRAM" runs nothing. */
static bool only_finds(char *const *argv) {
        return streq(argv[0], "command") && argv[1] && (streq(argv[1], "-v") || streq(argv[1], "-V"));
}

static void look_behind_keyword(Look *l, char *const *argv) {
        char *const *w = argv + 1;

        while (*w && is_assignment(*w))
                w++;
        if (*w)
                look_at(l, w);
}

/* A script may stand right behind its option: "env -S'docker run web'", "--split-string='docker run web'". */
static void look_at_blanks(Look *l, const char *word) {
        size_t name = strcspn(word, "= \t\n;");

        if (startswith(word, "--") && word[name] == '=')
                word += name + 1;
        else if (word[0] == '-' && word[1] != '-')
                word += 2;
        look_at_script(l, word, strlen(word));
}

/* Looks for a command among the words of a wrapper. Only the wrapper knows which of its words begins the command,
 * so each word is tried as the first one, unless it has the wrapper's own name, as the socket of tmux may, or is more
 * likely another program's argument. A word with blanks is tried as a script, as "eval", "flock FILE -c" and "env -S"
 * take it. */
static void look_at_wrapper(Look *l, char *const *argv) {
        unsigned operands = operands_of(base_name(argv[0]));
        bool begun = false, trying = l->trying, forked = l->forked;

        l->trying = true;
        l->forked = streq(argv[0], "exec") ? l->shell_forked : forked || !outside_is_replaced(base_name(argv[0]));
        for (char *const *w = argv + 1; *w && !l->over; w++)
                if (strpbrk(*w, " \t\n;"))
                        look_at_blanks(l, *w);
                else if (**w != '-' && !strchr(*w, '=') && !streq(base_name(*w), base_name(argv[0]))) {
                        if (outside_may_be_argument(w, begun))
                                continue;
                        if (is_past_options(w) && operands > 0) {
                                operands--;
                                if (streq(*w, "exec")) /* of ip, and not the shell's */
                                        continue;
                        } else
                                begun = begun || is_past_options(w);
                        look_at(l, w);
                        if (outside_is_wrapper(base_name(*w)))
                                break; /* the look_at_wrapper() of that word has tried the rest */
                }
        l->trying = trying;
        l->forked = forked;
}

/* "podman unshare COMMAND" is as "unshare COMMAND". */
static void look_at_unshare(Look *l, char *const *argv) {
        for (char *const *w = argv + 1; *w; w++)
                if (streq(*w, "unshare")) {
                        look_at(l, w);
                        return;
                }
}

/* Any other program may run a command that stands among its words: behind "--", or where a word is the path of a
 * program and further words follow. Only the first such word is tried, since the rest are words of that one. */
static void look_at_others(Look *l, char *const *argv) {
        bool forked = l->forked;

        if (outside_runs_none(base_name(argv[0])))
                return;
        for (char *const *w = argv + 1; *w; w++) {
                bool behind = w - argv > 1 && streq(w[-1], "--");

                if (!behind && (**w != '/' || !strstr(*w, "bin/") || !w[1]))
                        continue;
                l->forked = true; /* such a program may wait for the command */
                if (!outside_may_be_argument(w, true))
                        look_at(l, w);
                l->forked = forked;
                return;
        }
}

/* virsh takes commands also as one word, separated by semicolons: "start web; dominfo web". */
static void look_at_virsh(Look *l, char *const *argv) {
        for (char *const *w = argv + 1; *w; w++) {
                if (!strpbrk(*w, " ;"))
                        continue;
                for (const char *rest = *w; *rest; rest += strcspn(rest, ";"), rest += *rest != '\0') {
                        _cleanup_free_ char *command = text_format("%s %.*s", argv[0], (int) strcspn(rest, ";"), rest);

                        if (command)
                                look_at_script(l, command, strlen(command));
                }
        }
}

static void look_at(Look *l, char *const *argv) {
        _cleanup_free_ char **with = NULL;
        const char *name = base_name(argv[0]);

        if (l->depth >= DEPTH_MAX || l->over)
                return;
        l->depth++;
        outside_variable_set_by(&l->variables, argv);
        with = outside_variable_options(l->variables, argv);
        l->over = !l->f(with ?: argv, l->userdata);
        if (l->forked)
                ask_service(l, argv);
        if (outside_is_shell(name))
                look_at_shell(l, argv);
        else if (is_keyword(argv[0]))
                look_behind_keyword(l, argv);
        else if (outside_is_wrapper(name) && !only_finds(argv))
                look_at_wrapper(l, argv);
        else if (streq(name, "podman") || streq(name, "buildah"))
                look_at_unshare(l, argv);
        else if (streq(name, "virsh"))
                look_at_virsh(l, argv);
        else if (streq(name, "socat"))
                look_at_socat(l, argv);
        else if (is_interpreter(name)) {
                look_at_code(l, argv);
                look_at_file(l, argv);
        } else if (!l->trying)
                look_at_others(l, argv);
        l->depth--;
}

/* ---- scripts ---- */

static void word_add(Command *c, char letter) {
        char *larger = realloc(c->word, c->length + 2);

        if (!larger)
                return; /* the word is cut */
        c->word = larger;
        if (letter)
                larger[c->length++] = letter;
        larger[c->length] = '\0';
}

/* A command may leave its control group by a redirection, so a target that is written to is told as the argument of a
 * program called ">". */
static void look_at_target(Look *l, char *target) {
        char *words[] = { (char *) OUTSIDE_WRITE, target, NULL };

        look_at(l, words);
}

static void word_end(Look *l, Command *c) {
        char **larger = NULL;

        if (c->word && c->drop && c->writes)
                look_at_target(l, c->word);
        /* Assignments before a command are not words of it. */
        if (c->word && !c->drop && c->n == 0 && is_assignment(c->word)) {
                outside_variable_set(&l->variables, c->word);
                c->skips = c->skips || startswith(c->word, "SYSTEMCTL_SKIP_REDIRECT=");
        } else if (c->word && !c->drop)
                larger = realloc(c->words, (c->n + 2) * sizeof(char *));
        if (larger) {
                c->words = larger;
                larger[c->n++] = TAKE_PTR(c->word);
                larger[c->n] = NULL;
        }
        if (c->word)
                c->drop = c->writes = false;
        free(c->word);
        c->word = NULL;
        c->length = 0;
}

/* Where the parent of a script of the init system is not PID 1, the script asks PID 1 to start the service: Debian's
 * by /lib/lsb/init-functions.d/40-systemd, Red Hat's by /etc/rc.d/init.d/functions, and so does pg_ctlcluster. Such a
 * command is told as one of "service". */
static void ask_service(Look *l, char *const *argv) {
        static const char *const folders[] = { "/etc/init.d/", "/etc/rc.d/init.d/" };
        char *words[] = { (char *) "service", (char *) base_name(argv[0]), argv[1], NULL };
        bool asks = false;

        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                asks = asks || startswith(argv[0], folders[i]);
        if (asks && l->redirected)
                return;
        if (streq(words[1], "pg_ctlcluster") && argv[1] && argv[2]) {
                words[2] = argv[3];
                asks = !argv_has(argv, NULL, "--skip-systemctl-redirect");
        }
        if (asks && words[2])
                look_at(l, words);
}

/* The parent of the command is the shell. */
static void command_end(Look *l, Command *c) {
        bool forked = l->forked, shell_forked = l->shell_forked, redirected = l->redirected;

        word_end(l, c);
        l->shell_forked = forked || c->forks;
        l->forked = true;
        l->redirected = c->skips;
        if (c->words)
                look_at(l, c->words);
        l->forked = forked;
        l->shell_forked = shell_forked;
        l->redirected = redirected;
        strv_free(c->words);
        *c = (Command){};
}

/* Looks at "$(...)" or "`...`", which is a command of its own, also between double quotes. What it prints is not known
 * unless it only finds a program: "$(which docker)". Returns the place behind it. */
static const char *read_substitution(Look *l, Command *c, const char *s, const char *end) {
        static const char *const finding[] = { "which ", "command -v ", "type -p ", "type -P " };
        const char *begin = *s == '`' ? s + 1 : s + 2;
        size_t open = 1;
        const char *p = begin;
        bool forked = l->forked;

        for (; p < end; p++) {
                if (*s == '`' && *p == '`')
                        break;
                if (*s == '$' && *p == '(')
                        open++;
                if (*s == '$' && *p == ')' && --open == 0)
                        break;
        }
        l->forked = true;
        look_at_script(l, begin, (size_t) (p - begin));
        l->forked = forked;
        for (size_t i = 0; i < ELEMENTSOF(finding); i++) {
                size_t n = strlen(finding[i]);

                if ((size_t) (p - begin) > n && strncmp(begin, finding[i], n) == 0) {
                        for (const char *found = begin + n; found < p && !strchr(" \t\n;|&<>", *found); found++)
                                word_add(c, *found);
                        return p < end ? p + 1 : end;
                }
        }
        word_add(c, '$');
        return p < end ? p + 1 : end;
}

/* Reads "$name", "${name}" or "${name:-value}", also behind "$$", which PID 1 makes "$" of, and puts in what the
 * variable was set to, or else that value. Between quotes the value is no more than a part of the word, but "$@" is.
 * Returns the place behind it, or NULL if nothing is known of the variable. */
static const char *put_variable(Look *l, Command *c, const char *s, const char *end, bool quoted) {
        const char *name = s, *behind, *close = NULL, *value;
        _cleanup_free_ char *text = NULL;
        size_t size;
        bool braces;

        while (*name == '$')
                name++;
        braces = name < end && *name == '{';
        name += braces;
        behind = name;
        while (behind < end && (isalnum((unsigned char) *behind) || *behind == '_'))
                behind++;
        if (behind == name && behind < end && *behind == '@')
                behind++;
        if (braces && !(close = memchr(behind, '}', (size_t) (end - behind))))
                return NULL;
        value = outside_variable_get(l->variables, name, (size_t) (behind - name));
        size = value ? strlen(value) : 0;
        if (braces && behind < close) {
                const char *other = behind + (*behind == ':');

                if (*other != '-' && *other != '=')
                        return NULL;
                size = value ? size : (size_t) (close - other - 1);
                value = value ?: other + 1;
        }
        text = value && size <= l->room ? strndup(value, size) : NULL; /* a word of it may set the variable anew */
        if (!text)
                return NULL;
        l->room -= size;
        for (const char *t = text; *t; t++)
                if (isspace((unsigned char) *t) && (!quoted || *name == '@'))
                        word_end(l, c);
                else
                        word_add(c, *t);
        return braces ? close + 1 : behind;
}

static bool is_substitution(const char *s, const char *end) {
        return *s == '`' || (*s == '$' && s + 1 < end && s[1] == '(');
}

static const char *read_quoted(Look *l, Command *c, const char *s, const char *end) {
        const char *behind;
        char quote = *s++;

        word_add(c, '\0');
        while (s < end && *s != quote)
                if (quote == '"' && *s == '$' && (behind = put_variable(l, c, s, end, true)))
                        s = behind;
                else if (quote == '"' && is_substitution(s, end))
                        s = read_substitution(l, c, s, end);
                else if (quote == '"' && *s == '\\' && s + 1 < end) {
                        word_add(c, s[1]);
                        s += 2;
                } else
                        word_add(c, *s++);
        return s < end ? s + 1 : end;
}

/* Reads ">", "2>&1", "&>" and the like. They and the word behind them are no part of the command. */
static const char *read_redirection(Look *l, Command *c, const char *s, const char *end) {
        if (c->word && c->word[strspn(c->word, "0123456789")] == '\0')
                c->drop = true;
        word_end(l, c);
        for (; s < end && strchr("<>&|", *s); s++)
                c->writes = c->writes || *s == '>';
        c->drop = true;
        return s;
}

static void look_at_script(Look *l, const char *script, size_t size) {
        const char *end = script + size;
        bool trying = l->trying, piped = false;
        size_t inside = 0; /* so many subshells */
        const char *behind;
        Command c = {};

        if (l->depth >= DEPTH_MAX)
                return;
        l->depth++;
        l->trying = false;
        for (const char *s = script; s < end;) {
                if (*s == '\'' || *s == '"')
                        s = read_quoted(l, &c, s, end);
                else if (*s == '$' && (behind = put_variable(l, &c, s, end, false)))
                        s = behind;
                else if (is_substitution(s, end))
                        s = read_substitution(l, &c, s, end);
                else if (*s == '\\' && s + 1 < end) {
                        if (s[1] != '\n')
                                word_add(&c, s[1]);
                        s += 2;
                } else if (*s == '#' && !c.word)
                        while (s < end && *s != '\n')
                                s++;
                else if (*s == '>' || *s == '<' || (*s == '&' && s + 1 < end && s[1] == '>'))
                        s = read_redirection(l, &c, s, end);
                else if (strchr("\n;&|()", *s)) {
                        bool doubled = (*s == '&' || *s == '|') && s + 1 < end && s[1] == *s;

                        c.forks = inside > 0 || piped || ((*s == '&' || *s == '|') && !doubled);
                        command_end(l, &c);
                        piped = *s == '|' && !doubled;
                        inside += *s == '(';
                        inside -= *s == ')' && inside > 0;
                        s += doubled ? 2 : 1;
                } else if (isspace((unsigned char) *s)) {
                        word_end(l, &c);
                        s++;
                } else
                        word_add(&c, *s++);
        }
        c.forks = inside > 0 || piped;
        command_end(l, &c);
        l->trying = trying;
        l->depth--;
}

static void each_command(char *const *variables, char *const *argv, outside_command_t f, void *userdata) {
        Look l = { .f = f, .userdata = userdata, .room = ROOM_MAX };

        for (char *const *v = variables; v && *v; v++)
                outside_variable_set(&l.variables, *v);
        if (argv && argv[0])
                look_at(&l, argv);
        strv_free(l.variables);
}

void outside_each_command(char *const *argv, outside_command_t f, void *userdata) {
        each_command(NULL, argv, f, userdata);
}

typedef struct Search {
        const char *slice;
        bool starting;
        OutsideFinding *finding;
        Outside worst;
} Search;

static bool take_worst(char *const *argv, void *userdata) {
        Search *s = userdata;
        OutsideFinding finding = {};
        Outside found = outside_look_at_program(argv, s->slice, s->starting, &finding);

        if (found > s->worst) {
                s->worst = found;
                *s->finding = finding;
        }
        return s->worst != OUTSIDE_YES;
}

Outside outside_look_with(
                char *const *variables, char *const *argv, const char *slice, bool starting, OutsideFinding *ret) {
        Search s = { .slice = slice, .starting = starting, .finding = ret };

        each_command(variables, argv, take_worst, &s);
        return s.worst;
}

Outside outside_look(char *const *argv, const char *slice, bool starting, OutsideFinding *ret) {
        return outside_look_with(NULL, argv, slice, starting, ret);
}

/* ---- commands in other languages ---- */

static bool is_interpreter(const char *name) {
        static const char *const names[] = { "python", "perl", "ruby", "lua", "node", "nodejs", "php", "awk", "gawk",
                "mawk", "expect", "tclsh" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *version = startswith(name, names[i]) ? name + strlen(names[i]) : "-";

                if (version[strspn(version, "0123456789.")] == '\0')
                        return true;
        }
        return false;
}

/* Whether what stands around a text in quotes only prints the text: not with code in it, as in f"{...(...)}", nor into
 * a pipe. The text ends at end. */
static bool is_printed(const char *code, const char *quote, const char *text, const char *end) {
        static const char *const names[] = { "print", "printf", "puts", "echo", "say", "log", "info", "warn",
                "warning", "error", "die" };
        size_t n = 0;

        end += strspn(end, " ");
        if (*quote == '`' || strchr(text, '`') || (*end == '|' && end[1] != '|'))
                return false;
        for (const char *brace = text; (brace = strchr(brace, '{')); brace++)
                if (brace[strcspn(brace, "(}")] == '(')
                        return false;
        while (quote > code && strchr("fFrRbBuU", quote[-1])) /* of Python: f"text" */
                quote--;
        while (quote > code && strchr(" (", quote[-1]))
                quote--;
        while (quote - n > code && isalpha((unsigned char) quote[-1 - (long) n]))
                n++;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (n == strlen(names[i]) && strncmp(quote - n, names[i], n) == 0)
                        return true;
        return false;
}

/* Looks at code in another language. A text in quotes may be a command line, and texts that stand in a list the words
 * of one: os.system("docker start web"), ["docker", "start", "web"]. */
static void look_at_quotes(Look *l, const char *code) {
        const char *end = code + strlen(code), *s = code;
        Command list = {};

        if (l->depth >= DEPTH_MAX)
                return;
        l->depth++;
        while (s < end) {
                const char *quote = s;
                bool printed;
                Command text = {};

                if (*s != '\'' && *s != '"' && *s != '`') {
                        if (!strchr(" ,[\t\n", *s))
                                command_end(l, &list);
                        s++;
                        continue;
                }
                s = read_quoted(l, &text, s, end);
                printed = is_printed(code, quote, strempty(text.word), s);
                if (!printed && text.word && strpbrk(text.word, "'\"`"))
                        look_at_quotes(l, text.word);
                if (!printed && text.word && strpbrk(text.word, " \t"))
                        look_at_script(l, text.word, text.length);
                if (!printed && text.word) {
                        list.word = TAKE_PTR(text.word);
                        list.length = text.length;
                        word_end(l, &list);
                }
                free(text.word);
        }
        command_end(l, &list);
        l->depth--;
}

/* The commands of Tcl are words, as those of a shell: "spawn docker start web". */
static void look_at_code(Look *l, char *const *argv) {
        bool tcl = streq(base_name(argv[0]), "expect") || streq(base_name(argv[0]), "tclsh");

        for (char *const *w = argv + 1; *w; w++)
                if (tcl && strchr(*w, ' '))
                        look_at_script(l, *w, strlen(*w));
                else if (**w != '-' && strpbrk(*w, "'\"`"))
                        look_at_quotes(l, *w);
}

/* An address of socat may be a command: "EXEC:docker start web,pty". */
static void look_at_socat(Look *l, char *const *argv) {
        static const char *const kinds[] = { "EXEC:", "SYSTEM:", "SHELL:" };

        for (char *const *w = argv + 1; *w; w++)
                for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                        const char *command = *w + strlen(kinds[i]);

                        if (strncasecmp(*w, kinds[i], strlen(kinds[i])) == 0)
                                look_at_script(l, command, strcspn(command, ","));
                }
}

/* ---- scripts in files ---- */

const char *outside_script_path(char *const *argv) {
        if (!outside_is_shell(base_name(argv[0])))
                return argv[0];
        for (char *const *w = argv + 1; *w; w++)
                if (asks_for_script(*w))
                        return NULL;
                else if (**w != '-' && **w != '+')
                        return *w;
        return NULL;
}

bool outside_is_script(const char *text) {
        const char *word = startswith(text, "#!") ? text + strlen("#!") : "";
        char name[32];

        for (unsigned i = 0; i < 2; i++) {
                size_t n;

                word += strspn(word, " \t");
                n = strcspn(word, " \t\n");
                (void) snprintf(name, sizeof(name), "%.*s", (int) MIN(n, sizeof(name) - 1), word);
                if (outside_is_shell(base_name(name)))
                        return true;
                if (!streq(base_name(name), "env"))
                        break;
                word += n;
                word += strspn(word, " \t");
                word += startswith(word, "-S") ? strlen("-S") : 0;
        }
        return false;
}
