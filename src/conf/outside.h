/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Finds commands whose work is done outside of the unit. docker run, systemd-run, machinectl start, su and commands
 * like these ask another process (a daemon, PID 1, logind) to do the work. The work then lies in a control group that
 * is not the unit's, and goes on when the unit's own processes are dead. These functions look at a command line, tell
 * whether it does so, and say what to write instead.
 *
 * Only words are read and nothing is run, so what a program or a file of docker compose does is not seen. Commands are
 * looked for also behind shells (-c), env, nice, timeout, sudo and others that run another command.
 */

#include "conf/outside-finding.h"

/* The name of a program that stands for the shell itself, which writes to the file that is the next word. */
#define OUTSIDE_WRITE ">"

/* Gets the words of a command. Returns false if it need not see any further one. */
typedef bool (*outside_command_t)(char *const *argv, void *userdata);

/* Calls f for a command, and for each command that it would run in turn: in the script of a shell, or behind env,
 * nice, timeout and the like. Only the program behind such a word knows where its command begins, so f may also get
 * words that are none. The words are borrowed until f returns. */
void outside_each_command(char *const *argv, outside_command_t f, void *userdata);

/* Gives the file that has the script of a shell, if the command begins with one that names a file, or else the
 * program, which may be a script. NULL: the script stands in the command. Borrowed from argv. */
const char *outside_script_path(char *const *argv);
/* Whether a text begins as a script for a shell does: "#!/bin/sh -e", "#!/usr/bin/env bash". */
bool outside_is_script(const char *text);

/*
 * Returns the worst that is found in a command. *ret says what was found, and is untouched for OUTSIDE_NO. The
 * argument argv is the command as PID 1 has it: its first word is the path of the program. The argument slice is
 * Slice= of the unit, or NULL. The argument starting says that the command is one of ExecStart=, and not of a line
 * that prepares or stops the unit.
 */
Outside outside_look(char *const *argv, const char *slice, bool starting, OutsideFinding *ret);
/* Does the same for a command that is run with these variables ("NAME=value"; NULL: none is known). Some choose the
 * engine that docker, podman or virsh speaks to. */
Outside outside_look_with(
                char *const *variables, char *const *argv, const char *slice, bool starting, OutsideFinding *ret);

/* Does the same for one program, and does not look for commands that this program would run. *ret is only valid if
 * the result is not OUTSIDE_NO. Only for outside-words.c. */
Outside outside_look_at_program(char *const *argv, const char *slice, bool starting, OutsideFinding *ret);

/* Whether a word among those of a program that runs another command is more likely an argument of that command than
 * its name, though it is the name of a program: "job --user batch", "job enable sshd". The argument begun says that
 * the command has begun before the word. Only for outside-words.c. */
bool outside_may_be_argument(char *const *word, bool begun);
