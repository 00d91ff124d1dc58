/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Kinds of trouble that come only where they are named, and clusters in which they matter (rare.c). */

#include "search.h"

/* In how many ways the trouble, one of those from _TROUBLE_NAMED on, can strike m just before e. 0: it cannot. */
size_t rare_ways(const World *w, const Machine *m, const SimEvent *e, Trouble t, size_t n_corners);
/* Lets it strike. span: until the corner by which the choice goes, or 100 ms. */
void rare_strike(World *w, Machine *m, SimEvent *e, Trouble t, unsigned way, usec_t span);

/* Of a world with such a unit: its bias, and what must be set when it begins. */
Bias rare_bias(Temper temper);
void rare_begin(World *w, Temper temper);
/* Fingerprint of what else counts where such troubles come, or with such a unit. */
uint64_t rare_print(const World *w);
