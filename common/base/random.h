/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers for names that must not collide, from the kernel
 * (getrandom(2)). Nothing that reaches data is random.
 */
#ifndef PF_BASE_RANDOM_H
#define PF_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void pf_random_bytes(void *out, size_t len);

/* A version 4 UUID, 36 characters and a terminator. */
void pf_random_uuid(char out[37]);

/* 0 .. below - 1, for back-off; below >= 1. */
uint32_t pf_random_below(uint32_t below);

#endif
