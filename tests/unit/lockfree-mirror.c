/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mirror: what is read is one write, whole; a read gives up instead of
 * waiting, also in a handler that interrupts the writer itself.
 *
 * Method: every field of a write is made from one number, so a mixture shows.
 * The writer is interrupted at random by a signal whose handler reads. The
 * sequence starts just before the end of its 32 bits.
 *
 * clause: L4
 * fault: F26
 * property: P28
 */
#include <signal.h>
#include <unistd.h>

#include "lockfree/mirror.h"
#include "tests/unit/lockfree-team.h"

#define NEAR_WRAP (UINT32_MAX - 7)

static struct hd_mirror mirror;

static struct hd_mirror_values made_from(uint64_t n)
{
	return (struct hd_mirror_values){
		.index = (uint32_t)n,
		.state = (uint32_t)n + 1,
		.incarnation = n * 3,
		.tid = (int32_t)((uint32_t)n ^ 0x55555555u),
		.group = (uint32_t)n + 2,
		.guest = ~(uint32_t)n,
		.kind = (uint32_t)n * 5,
		.since_ns = n << 20,
	};
}

static bool is_whole(const struct hd_mirror_values *v)
{
	struct hd_mirror_values want = made_from(v->incarnation / 3);

	return v->index == want.index && v->state == want.state &&
	       v->incarnation == want.incarnation && v->tid == want.tid &&
	       v->group == want.group && v->guest == want.guest &&
	       v->kind == want.kind && v->since_ns == want.since_ns;
}

static void alone(void)
{
	struct hd_mirror_values v = made_from(0x123456789abcu), got = { 0 };
	unsigned int i, wrong = 0;

	ok(hd_mirror_read_any(&mirror, &got, 1) && got.incarnation == 0,
	   "a new mirror shows zeros");
	hd_mirror_write_owner(&mirror, &v);
	ok(hd_mirror_read_any(&mirror, &got, 1) && is_whole(&got) &&
		   got.incarnation == v.incarnation,
	   "what was written is read");
	mirror.sequence = NEAR_WRAP | 1;
	ok(!hd_mirror_read_any(&mirror, &got, 3), "during a write it gives up");
	mirror.sequence = NEAR_WRAP & ~1u;
	for (i = 0; i < 20; i++) {
		v = made_from(i);
		hd_mirror_write_owner(&mirror, &v);
		wrong += !hd_mirror_read_any(&mirror, &got, 1) ||
			 !is_whole(&got) || got.incarnation != v.incarnation;
	}
	ok(!wrong && mirror.sequence < 100, "the sequence may wrap");
	ok(!hd_mirror_read_any(&mirror, &got, 0), "no try, no answer");
}

/* -- stress -- */

static struct team team;
static _Atomic uint64_t writes, reads, gave_up, in_handler, refused_in_handler;
static pthread_t writer;
static _Atomic bool writing;

static void read_in_handler(int number)
{
	struct hd_mirror_values v;

	(void)number;
	if (!hd_mirror_read_any(&mirror, &v, 4))
		atomic_fetch_add_explicit(&refused_in_handler, 1,
					  memory_order_relaxed);
	else if (!is_whole(&v))
		team_error(&team);
	atomic_fetch_add_explicit(&in_handler, 1, memory_order_relaxed);
}

static void write_all(void)
{
	uint64_t n = 0;

	writer = pthread_self();
	atomic_store_explicit(&writing, true, memory_order_release);
	while (n % 256 || !team_time_is_over(&team)) {
		struct hd_mirror_values v = made_from(n++);

		hd_mirror_write_owner(&mirror, &v);
	}
	atomic_store_explicit(&writes, n, memory_order_relaxed);
	atomic_store_explicit(&writing, false, memory_order_release);
}

static void read_all(bool interrupt)
{
	uint64_t n = 0, none = 0, newest = 0;

	while (!atomic_load_explicit(&writing, memory_order_acquire))
		;
	while (n % 256 || !team_time_is_over(&team)) {
		struct hd_mirror_values v;

		n++;
		if (interrupt && n % 1024 == 0 &&
		    atomic_load_explicit(&writing, memory_order_acquire))
			pthread_kill(writer, SIGUSR1);
		if (!hd_mirror_read_any(&mirror, &v, 100)) {
			none++;
			continue;
		}
		if (!is_whole(&v) || v.incarnation < newest)
			team_error(&team);
		newest = v.incarnation;
	}
	atomic_fetch_add_explicit(&reads, n - none, memory_order_relaxed);
	atomic_fetch_add_explicit(&gave_up, none, memory_order_relaxed);
}

static void write_or_read(struct team *unused, uint32_t me)
{
	(void)unused;
	if (me == 0)
		write_all();
	else
		read_all(me == 1);
}

static bool enough(void)
{
	return writes > 1000 && reads > 1000 && in_handler > 0;
}

int main(void)
{
	struct sigaction action = { .sa_handler = read_in_handler,
				    .sa_flags = SA_RESTART };
	struct hd_mirror_values first = made_from(0);
	uint64_t wrong = 0;
	int i;

	sigaction(SIGUSR1, &action, NULL);
	tap_deadline(60);
	hd_mirror_init(&mirror);
	alone();
	/* The readers may be first: what they find must not be newer. */
	hd_mirror_write_owner(&mirror, &first);
	mirror.sequence = NEAR_WRAP & ~1u;
	/* Again where the three found too little time beside others. */
	for (i = 0; i < 20 && !enough(); i++)
		wrong += team_run(&team, 3, tap_seconds(1.0), write_or_read);
	is_u64(wrong, 0, "every read is one write, whole, and none goes back");
	diag("%llu writes, %llu reads, %llu gave up; in the handler %llu, %llu "
	     "gave up",
	     (unsigned long long)writes, (unsigned long long)reads,
	     (unsigned long long)gave_up, (unsigned long long)in_handler,
	     (unsigned long long)refused_in_handler);
	ok(enough(),
	   "it was written, read, and read by the writer's own handler");
	return tap_done();
}
