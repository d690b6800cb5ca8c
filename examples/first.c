/* SPDX-License-Identifier: BSD-2-Clause */
/* The shortest program: a pool, a task, its end. */
#include <stdio.h>

#include <heddle/heddle.h>

static void hello(struct heddle_task *task)
{
	(void)task;
	puts("hello from a worker");
}

int main(void)
{
	struct heddle_task task = HEDDLE_TASK_INIT(hello);
	struct heddle_pool *pool;

	if (heddle_pool_create(NULL, &pool))
		return 1;
	if (heddle_pool_start(pool, 1, NULL, HEDDLE_FOREVER))
		return 1;
	heddle_submit(heddle_pool_group(pool), &task);
	heddle_join(&task, 0, HEDDLE_FOREVER);
	/* At R4 no thread, mapping or byte of the pool is left. */
	return heddle_pool_destroy(pool, HEDDLE_R4_CLEAN, NULL,
				   HEDDLE_FOREVER) != 0;
}
