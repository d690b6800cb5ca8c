/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guards by pthread_cleanup_push(). Compiled without -fexceptions that saves a
 * jump buffer, so it is reached also across frames that cannot be unwound.
 */
#include "platform/guard.h"

#include <pthread.h>

#include "platform/sanitizer.h"

#if HD_ASAN
void __asan_handle_no_return(void);
#else
static void __asan_handle_no_return(void)
{
}
#endif

struct guarded {
	void (*left)(void *arg);
	void *arg;
};

static void leave(void *given)
{
	const struct guarded *guarded = given;

	/* The frames that were left have marks of the sanitizer on the stack. */
	__asan_handle_no_return();
	guarded->left(guarded->arg);
}

void hd_guarded(void (*fn)(void *arg), void *arg, void (*left)(void *arg))
{
	struct guarded guarded = { left, arg };

	pthread_cleanup_push(leave, &guarded);
	fn(arg);
	pthread_cleanup_pop(0);
}
