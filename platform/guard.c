/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guards by pthread_cleanup_push(). Compiled without -fexceptions that saves a
 * jump buffer, so it is reached also across frames that cannot be unwound.
 */
#include "platform/guard.h"

#include <pthread.h>
#include <stddef.h>

#include "platform/sanitizer.h"

#if HD_ASAN
void __asan_handle_no_return(void);
void __asan_unpoison_memory_region(const volatile void *start, size_t size);

# define NEAR ((size_t)256 * 1024)

/*
 * The frames that were left have marks of the sanitizer on the stack. It can take them
 * off itself, but needs some of that stack for it.
 */
static __attribute__((noinline, no_sanitize("address"))) void forget_marks(void)
{
	char *here = __builtin_frame_address(0);

	__asan_unpoison_memory_region(here - NEAR, NEAR);
	__asan_handle_no_return();
}
#else
static void forget_marks(void)
{
}
#endif

struct guarded {
	void (*left)(void *arg);
	void *arg;
};

static __attribute__((no_sanitize("address"))) void leave(void *given)
{
	const struct guarded *guarded = given;

	forget_marks();
	guarded->left(guarded->arg);
}

void hd_guarded(void (*fn)(void *arg), void *arg, void (*left)(void *arg))
{
	struct guarded guarded = { left, arg };

	pthread_cleanup_push(leave, &guarded);
	fn(arg);
	pthread_cleanup_pop(0);
}
