#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The crate: its tests by Debian's cargo, offline, and its example. A point for each test, in
# a list of its own, so that one that went missing is seen.
#
# clause: X1 X2 X3 X4
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/../../../tests/style/sh-tap.sh"

cargo=${CARGO:-/usr/bin/cargo}
rustc=${RUSTC:-/usr/bin/rustc}
[ -x "$cargo" ] || skip_all "$cargo is missing (Debian: cargo)"
[ -x "$rustc" ] || skip_all "$rustc is missing (Debian: rustc)"
[ -r "$build/tests/style/machines.env" ] ||
	skip_all "no $build/tests/style/machines.env: make check-integrations writes it"
# shellcheck disable=SC1091
. "$build/tests/style/machines.env"
# shellcheck disable=SC2154
[ -z "$sanitizer" ] || skip_all "the library is built with $sanitizer"

# cargo writes Cargo.lock beside Cargo.toml, and the sources may be read-only. Copies keep
# their times, so that only what changed is built again.
target=$build/integrations/rust/target
mkdir -p "$target" "$scratch/home"
rm -rf "$target/crate"
cp -Rp "$top/integrations/rust" "$target/crate"
chmod -R u+w "$target/crate"
HEDDLE_LIB_DIR=$build/.libs
HEDDLE_INCLUDE_DIRS=$top/include:$build/include
export HEDDLE_LIB_DIR HEDDLE_INCLUDE_DIRS
in_crate() {
	(cd "$target/crate" && HOME=$scratch/home CARGO_HOME=$scratch/home \
		CARGO_TARGET_DIR=$target RUSTC=$rustc "$cargo" "$@")
}

# The status of every tool here, not cargo's 101.
build_wrong() {
	in_crate build --offline --example wrong || return 1
}

if in_crate test --offline --no-fail-fast --jobs 2 >"$scratch/tests" \
	2>"$scratch/errors"; then
	pass "cargo test"
else
	fail "cargo test"
	grep -E '^(error|test .*FAILED|---- |thread .* panicked|  (left|right):)' \
		"$scratch/tests" "$scratch/errors" | remark
	tail -n 20 "$scratch/errors" | remark
fi
if grep -q '^warning' "$scratch/errors"; then
	fail "without a warning"
	grep -A 4 '^warning' "$scratch/errors" | head -n 20 | remark
else
	pass "without a warning"
fi

while read -r name; do
	if grep -qx "test $name ... ok" "$scratch/tests"; then
		pass "$name"
	else
		fail "$name"
	fi
done <<'LIST'
bindings_are_those_of_the_header
caps_of_all_groups_hold
a_ticket_waits_for_a_lowered_cap
a_pool_is_dropped_with_queued_and_running_work
a_pool_dropped_in_its_own_task_is_leaked_and_goes_on
groups_are_freed_and_their_places_used_again
pools_start_and_stop_and_say_what_is_wrong
closures_borrow_from_the_frame
a_panic_of_the_scope_waits_for_its_tasks
a_panic_of_a_task_is_the_scope_s_or_its_joiner_s
tasks_spawn_into_the_scope
scopes_nest_on_a_single_worker
what_is_refused_or_would_wait_for_itself_is_called_in_place
values_nobody_joins_are_dropped_before_the_scope_ends
join_returns_the_value
panic_goes_on_in_the_joiner
join_in_a_task_of_a_single_worker_runs_the_other
cancel_in_every_state
dropped_handles_let_tasks_run_and_leak_nothing
detached_tasks_run_once_or_are_dropped
a_task_may_not_join_itself
a_full_queue_is_an_error_and_drops_the_closure
LIST
must "the example runs" in_crate run --offline --quiet --example tenants

# A closure that borrows what does not live long enough is no program.
mkdir -p "$target/crate/examples"
cat >"$target/crate/examples/wrong.rs" <<'RS'
fn main() {
    let pool = heddle::Pool::new(1).unwrap();
    let handle = {
        let text = String::from("gone");
        let text = &text;
        pool.group().spawn(move || text.len()).unwrap()
    };
    println!("{}", handle.join().unwrap());
}
RS
must_fail "a spawn may not borrow" "does not live long enough" \
	build_wrong
cat >"$target/crate/examples/wrong.rs" <<'RS'
fn main() {
    let pool = heddle::Pool::new(1).unwrap();
    pool.group().scope(|s| {
        let handle = s.spawn(|| 1);
        s.spawn(move || handle.join());
    });
}
RS
must_fail "a scoped handle stays on its thread" "cannot be sent between threads safely" \
	build_wrong
rm -rf "$target/crate"
finish
