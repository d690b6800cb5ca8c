/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 (FIPS 180-4, 6.2) of whole files, for the example. */
#ifndef HEDDLE_INTEGRATIONS_LIBUV_EXAMPLES_SHA256_H
#define HEDDLE_INTEGRATIONS_LIBUV_EXAMPLES_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	uint8_t block[64];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
/* 64 hexadecimal digits and a zero */
void sha256_end(struct sha256 *hash, char text[65]);

#endif /* HEDDLE_INTEGRATIONS_LIBUV_EXAMPLES_SHA256_H */
