/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is the test built with a sanitizer that keeps threads, memory or stacks of its own?
 */
#ifndef HEDDLE_TESTS_SUPPORT_SANITIZER_H
#define HEDDLE_TESTS_SUPPORT_SANITIZER_H

#if defined(__SANITIZE_THREAD__)
# define SU_TSAN 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define SU_TSAN 1
# endif
#endif
#ifndef SU_TSAN
# define SU_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
# define SU_ASAN 1
#elif defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define SU_ASAN 1
# endif
#endif
#ifndef SU_ASAN
# define SU_ASAN 0
#endif

#define SU_SANITIZED (SU_TSAN || SU_ASAN)

#endif /* HEDDLE_TESTS_SUPPORT_SANITIZER_H */
