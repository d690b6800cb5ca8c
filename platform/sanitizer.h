/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this file built for ThreadSanitizer or AddressSanitizer? Asked only inside
 * platform/, where the sanitizer has to be told what it does not see. The laboratory
 * replaces these files, so that what it explores contains no such branch.
 */
#ifndef HEDDLE_PLATFORM_SANITIZER_H
#define HEDDLE_PLATFORM_SANITIZER_H

#if defined(__SANITIZE_THREAD__)
# define HD_TSAN 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define HD_TSAN 1
# endif
#endif
#ifndef HD_TSAN
# define HD_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
# define HD_ASAN 1
#elif defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define HD_ASAN 1
# endif
#endif
#ifndef HD_ASAN
# define HD_ASAN 0
#endif

#endif /* HEDDLE_PLATFORM_SANITIZER_H */
