/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One round in a process of its own. A producer that spins inside an opponent for
 * one that lost its CPU listens to no flag; a process can always be ended.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/lockfree.h"
#include "tools/say.h"

/* True when the child has ended by itself; else it was killed at the limit. */
static bool ended_in_time(pid_t child, uint64_t limit_ns, int *status)
{
	uint64_t until = ht_now() + limit_ns;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	for (;;) {
		uint64_t now = ht_now(), left = until > now ? until - now : 0;
		const struct timespec wait = {
			.tv_sec = (time_t)(left / 1000000000),
			.tv_nsec = (long)(left % 1000000000),
		};

		if (waitpid(child, status, WNOHANG) == child)
			return true;
		if (!left)
			break;
		sigtimedwait(&ends, NULL, &wait);
	}
	kill(child, SIGKILL);
	while (waitpid(child, status, 0) < 0 && errno == EINTR)
		;
	return false;
}

/* Shared with the child; NULL and a line when there is none. */
static struct hb_lf_round *shared(void)
{
	void *page = mmap(NULL, sizeof(struct hb_lf_round),
			  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);

	if (page != MAP_FAILED)
		return page;
	ht_say("a page for results: %s", strerror(errno));
	exit(HT_MISSED);
}

char *hb_lf_try(const struct hb_lf_peer *peer, enum hb_lf_shape shape,
		const struct hb_lf_terms *terms, uint64_t n,
		struct hb_lf_round *round)
{
	static struct hb_lf_round *page;
	sigset_t ends, before;
	int status = 0;
	bool in_time;
	pid_t child, parent = getpid();

	if (!page)
		page = shared();
	*page = (struct hb_lf_round){ .ns = NAN };
	/* So that the end of the child wakes us before the limit. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ends, &before);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(HT_MISSED);
		hb_lf_measure(peer, shape, terms, n, page);
		_exit(HT_OK);
	}
	in_time = child > 0 && ended_in_time(child, terms->limit_ns, &status);
	sigprocmask(SIG_SETMASK, &before, NULL);
	*round = *page;
	if (child < 0)
		return ht_text("fork: %s", strerror(errno));
	if (!in_time)
		return ht_text("not finished in %.3g s",
			       (double)terms->limit_ns / 1e9);
	if (WIFSIGNALED(status))
		return ht_text("ended by signal %d", WTERMSIG(status));
	return round->done ? NULL : ht_text("failed");
}
