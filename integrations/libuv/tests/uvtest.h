/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of libheddle-uv share. Without libuv a test is a program that says
 * so: HEDDLE_UV_TEST(function) is its main() in both cases.
 */
#ifndef HEDDLE_INTEGRATIONS_LIBUV_TESTS_UVTEST_H
#define HEDDLE_INTEGRATIONS_LIBUV_TESTS_UVTEST_H

#include "tests/support/support.h"
#include "tests/tap/tap.h"

#ifdef HEDDLE_WITH_LIBUV
# include <heddle_uv.h>

# define HEDDLE_UV_TEST(function) \
  int main(void) \
  { \
   tap_deadline(90); \
   function(); \
   return tap_done(); \
  }

/* A loop and its binding; bails out when they cannot be made. */
static inline struct heddle_uv *uvt_open(uv_loop_t *loop,
					 struct heddle_group *group)
{
	struct heddle_uv *uv = NULL;

	if (uv_loop_init(loop) || heddle_uv_open(loop, group, &uv))
		bail("no loop, or no binding");
	return uv;
}

/* Nothing of the binding is left in the loop: one point. */
static inline void uvt_close(uv_loop_t *loop, struct heddle_uv *uv)
{
	int rc = heddle_uv_close(uv, NULL, NULL);

	uv_run(loop, UV_RUN_DEFAULT);
	ok(rc == 0 && uv_loop_close(loop) == 0, "the loop is empty");
}

#else

# define HEDDLE_UV_TEST(function) \
  int main(void) \
  { \
   plan_skip_all("libuv is missing (Debian: libuv1-dev), or --without-libuv"); \
  }

#endif

#endif /* HEDDLE_INTEGRATIONS_LIBUV_TESTS_UVTEST_H */
