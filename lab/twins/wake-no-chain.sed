# file: sched/worker.c
# A woken worker clears the searching flag and looks for nobody: who relied on
# the wake that was in flight stays.
/^static void take_token/,/^}/{
	/worker->owe++;/d
}
