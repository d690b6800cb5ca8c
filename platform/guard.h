/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call whose end is noticed also when it is no return: the thread ends inside
 * (pthread_exit, cancellation). After the cleanup handlers of POSIX; reached by
 * unwinding, or by a jump where frames have no unwind tables.
 */
#ifndef HEDDLE_PLATFORM_GUARD_H
#define HEDDLE_PLATFORM_GUARD_H

/*
 * Calls fn(arg). If the thread ends inside, left(arg) is called on it, with the stack
 * unwound to this call, before any destructor of thread-local variables or keys. When
 * left returns the thread goes on ending; when code that it calls ends the thread once
 * more, left is called again. About 12 ns.
 */
void hd_guarded(void (*fn)(void *arg), void *arg, void (*left)(void *arg));

#endif /* HEDDLE_PLATFORM_GUARD_H */
