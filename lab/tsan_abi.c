/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions that gcc and clang call from code built with
 * -fsanitize=thread, defined here instead of in libtsan. Their names and
 * types are the compilers'; nothing calls them by a header.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lab/memory.h"

#define PC __builtin_return_address(0)

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);
void __tsan_vptr_update(void **at, void *value);
void __tsan_vptr_read(void **at);
void __tsan_read_range(void *at, size_t size);
void __tsan_write_range(void *at, size_t size);
/*
 * gcc leaves these three to the C library, whose functions the sanitizer would
 * take over; the build renames them in the library's objects.
 */
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int byte, size_t size);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

void __tsan_atomic_thread_fence(int order)
{
	lab_fence(order, PC);
}

/* For the compiler only: no other thread can see it. */
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

void __tsan_vptr_update(void **at, void *value)
{
	(void)value;
	lab_plain((uintptr_t)at, sizeof(*at), true, PC);
}

void __tsan_vptr_read(void **at)
{
	lab_plain((uintptr_t)at, sizeof(*at), false, PC);
}

void __tsan_read_range(void *at, size_t size)
{
	lab_plain((uintptr_t)at, size, false, PC);
}

void __tsan_write_range(void *at, size_t size)
{
	lab_plain((uintptr_t)at, size, true, PC);
}

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
	lab_plain((uintptr_t)from, size, false, PC);
	lab_plain((uintptr_t)to, size, true, PC);
	return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size)
{
	lab_plain((uintptr_t)from, size, false, PC);
	lab_plain((uintptr_t)to, size, true, PC);
	return memmove(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size)
{
	lab_plain((uintptr_t)to, size, true, PC);
	return memset(to, byte, size);
}

/* -- plain and volatile accesses -- */

#define ACCESS(name, size, write, function) \
 void __tsan_##name##size(void *at); \
 void __tsan_##name##size(void *at) \
 { \
  function((uintptr_t)at, size, write, PC); \
 }

#define ACCESSES(size) \
 ACCESS(read, size, false, lab_plain) \
 ACCESS(write, size, true, lab_plain) \
 ACCESS(unaligned_read, size, false, lab_plain) \
 ACCESS(unaligned_write, size, true, lab_plain) \
 ACCESS(volatile_read, size, false, lab_volatile) \
 ACCESS(volatile_write, size, true, lab_volatile) \
 ACCESS(unaligned_volatile_read, size, false, lab_volatile) \
 ACCESS(unaligned_volatile_write, size, true, lab_volatile)

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
/* No location is that large: halves of it may be seen separately. */
ACCESS(read, 16, false, lab_plain)
ACCESS(write, 16, true, lab_plain)
ACCESS(unaligned_read, 16, false, lab_plain)
ACCESS(unaligned_write, 16, true, lab_plain)

/* -- atomic accesses -- */

#define RMW(bits, type, name, op) \
 type __tsan_atomic##bits##_##name(volatile type *at, type value, int order); \
 type __tsan_atomic##bits##_##name(volatile type *at, type value, int order) \
 { \
  return (type)lab_rmw((uintptr_t)at, sizeof(type), value, order, op, PC); \
 }

#define CAS(bits, type, name, weak) \
 int __tsan_atomic##bits##_##name(volatile type *at, type *expected, \
				  type desired, int order, int failure); \
 int __tsan_atomic##bits##_##name(volatile type *at, type *expected, \
				  type desired, int order, int failure) \
 { \
  uint64_t found = *expected; \
  bool done = lab_cas((uintptr_t)at, sizeof(type), &found, desired, order, \
		      failure, weak, PC); \
  if (!done) \
   *expected = (type)found; \
  return done; \
 }

#define ATOMIC(bits, type) \
 type __tsan_atomic##bits##_load(const volatile type *at, int order); \
 type __tsan_atomic##bits##_load(const volatile type *at, int order) \
 { \
  return (type)lab_load((uintptr_t)at, sizeof(type), order, PC); \
 } \
 void __tsan_atomic##bits##_store(volatile type *at, type value, int order); \
 void __tsan_atomic##bits##_store(volatile type *at, type value, int order) \
 { \
  lab_store((uintptr_t)at, sizeof(type), value, order, PC); \
 } \
 RMW(bits, type, exchange, LAB_XCHG) \
 RMW(bits, type, fetch_add, LAB_ADD) \
 RMW(bits, type, fetch_sub, LAB_SUB) \
 RMW(bits, type, fetch_and, LAB_AND) \
 RMW(bits, type, fetch_or, LAB_OR) \
 RMW(bits, type, fetch_xor, LAB_XOR) \
 RMW(bits, type, fetch_nand, LAB_NAND) \
 CAS(bits, type, compare_exchange_strong, false) \
 CAS(bits, type, compare_exchange_weak, true) \
 type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, \
						 type expected, type desired, \
						 int order, int failure); \
 type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, \
						 type expected, type desired, \
						 int order, int failure) \
 { \
  uint64_t found = expected; \
  lab_cas((uintptr_t)at, sizeof(type), &found, desired, order, failure, false, \
	  PC); \
  return (type)found; \
 }

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)
