/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The account of a reserve: no field runs into another, and what its callers pay and
 * take back is max(prepaid, used) at the end of every step.
 *
 * Method: fields at both ends of their range; then a ledger. Threads come, pay
 * elsewhere when they must, and leave, while another one raises and lowers what is
 * prepaid; each payment is counted where it is made and taken back.
 *
 * clause: C3 C6
 */
#include "lockfree/account.h"
#include "tests/unit/lockfree-team.h"

static _Atomic uint64_t account;
static _Atomic int64_t paid; /* by all of them, now */

static void put(uint32_t prepaid, uint32_t used)
{
	atomic_store_explicit(&account, hd_account_make(prepaid, used),
			      memory_order_relaxed);
}

static bool is(uint32_t prepaid, uint32_t used)
{
	uint64_t now = hd_account_load_any(&account);

	return hd_account_prepaid(now) == prepaid &&
	       hd_account_used(now) == used;
}

static void fields(void)
{
	const uint32_t most = UINT32_MAX;

	put(most, most - 1);
	ok(hd_account_take_any(&account) && is(most, most),
	   "the last of the most");
	ok(!hd_account_take_any(&account) && is(most, most),
	   "no headroom changes nothing");
	put(0, 0);
	ok(!hd_account_take_any(&account) && is(0, 0), "nothing is prepaid");
	ok(!hd_account_room(hd_account_join_any(&account)) && is(0, 1),
	   "who has paid joins");
	ok(hd_account_cover_any(&account) && is(1, 1),
	   "and is covered without a payment");
	ok(!hd_account_cover_any(&account) && is(1, 1), "once");
	ok(!hd_account_raise_any(&account) && is(2, 1), "one more is paid");
	ok(hd_account_room(hd_account_join_any(&account)) && is(2, 2),
	   "who has paid too much takes it back");
	hd_account_join_any(&account);
	ok(hd_account_raise_any(&account) && is(3, 3),
	   "and so does who raises");
	is_u64(hd_account_lower_any(&account, 1), 0, "what is used stays paid");
	ok(hd_account_beyond(hd_account_leave_any(&account)) && is(1, 2),
	   "who leaves beyond takes a payment along");
	hd_account_leave_any(&account);
	ok(!hd_account_beyond(hd_account_leave_any(&account)) && is(1, 0),
	   "the last one none");
	put(most, 0);
	is_u64(hd_account_lower_any(&account, 0), most, "all is taken back");
	ok(is(0, 0), "and nothing is left");
}

static void pay(int64_t change)
{
	atomic_fetch_add_explicit(&paid, change, memory_order_relaxed);
}

static void come_and_go(void)
{
	if (!hd_account_take_any(&account)) {
		pay(1);
		if (hd_account_room(hd_account_join_any(&account)))
			pay(-1);
	}
	if (hd_account_beyond(hd_account_leave_any(&account)))
		pay(-1);
}

static void change(uint32_t n)
{
	uint32_t now = hd_account_prepaid(hd_account_load_any(&account));

	if (n <= now) {
		pay(-(int64_t)hd_account_lower_any(&account, n));
		return;
	}
	for (; now < n; now++) {
		if (hd_account_cover_any(&account))
			continue;
		pay(1);
		if (hd_account_raise_any(&account))
			pay(-1);
	}
}

static _Atomic uint64_t came, changes;

static void ledger(struct team *team, uint32_t me)
{
	uint64_t stream = tap_stream(me), rounds = 0;

	while (rounds % 64 || !team_time_is_over(team)) {
		if (me)
			come_and_go();
		else
			change((uint32_t)(tap_next(&stream) % 4));
		rounds++;
	}
	atomic_fetch_add_explicit(me ? &came : &changes, rounds,
				  memory_order_relaxed);
}

int main(void)
{
	static struct team team;
	uint64_t now;

	tap_deadline(60);
	tap_seed();
	fields();
	put(0, 0);
	team_run(&team, 4, tap_seconds(1), ledger);
	now = hd_account_load_any(&account);
	is_u64(hd_account_used(now), 0, "all have left");
	is_u64((uint64_t)atomic_load(&paid), hd_account_prepaid(now),
	       "what is paid is what is prepaid");
	ok(came > 1000 && changes > 100, "%llu came, %llu changes",
	   (unsigned long long)came, (unsigned long long)changes);
	return tap_done();
}
