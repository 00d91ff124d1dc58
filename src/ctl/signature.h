/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/why.h"
#include "ctl/ctl.h"

/*
 * Signatures as "ssh-keygen -Y" makes and verifies them (ssh-keygen(1), namespace "leased"), so that a key of an agent
 * or on a token can be used, and allowed_signers is the file that git uses, too.
 */

#define SIGNERS_FILE "/etc/leased/allowed_signers"

/* Signs the text with a key: the file of a private key, or of a public one whose private key an agent has. *ret is
 * owned by the caller. Prints what is wrong and returns an exit code. */
int signature_make(const char *key, const char *text, char **ret);

/* Looks who has signed the text, by /etc/leased/allowed_signers of this machine. *ret, for strv_free(), has each name
 * in that file that stands for the key and for which the signature is good. A name with a pattern ("*", "?", "!") is
 * nobody's name, and left out. Returns WHY_NONE, with at least one name, or why the signature does not count; NULL is
 * in *ret then. WHY_FILE_NOT_VERIFIED: nobody knows whether it does, since ssh-keygen did not answer in a few seconds
 * or could not be run; *ret_about, owned by the caller, which is unchanged otherwise, says what is wrong. */
Why signature_verify(const char *text, const char *signature, char ***ret, char **ret_about);
