/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of one to eight bytes in real memory, and what operations make of them. */
#ifndef HEDDLE_LAB_VALUE_H
#define HEDDLE_LAB_VALUE_H

#include <stdint.h>
#include <stdlib.h>

#include "lab/memory.h"

static inline uint64_t lab_peek(uintptr_t at, unsigned int size)
{
	switch (size) {
	case 1:
		return *(volatile uint8_t *)at;
	case 2:
		return *(volatile uint16_t *)at;
	case 4:
		return *(volatile uint32_t *)at;
	default:
		return *(volatile uint64_t *)at;
	}
}

static inline void lab_poke(uintptr_t at, unsigned int size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)at = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)at = value;
	}
}

static inline uint64_t lab_truncate(uint64_t value, unsigned int size)
{
	return size == 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

static inline uint64_t lab_combine(uint64_t old, uint64_t operand,
				   enum lab_rmw op)
{
	switch (op) {
	case LAB_XCHG:
		return operand;
	case LAB_ADD:
		return old + operand;
	case LAB_SUB:
		return old - operand;
	case LAB_AND:
		return old & operand;
	case LAB_OR:
		return old | operand;
	case LAB_XOR:
		return old ^ operand;
	case LAB_NAND:
		return ~(old & operand);
	}
	abort();
}

#endif /* HEDDLE_LAB_VALUE_H */
