# file: sched/worker.c
# A woken worker does not clear the searching flag: who submits next relies on
# a look that never comes.
/^static void take_token/,/^}/{
	s/&pool->searching, 0,/\&pool->searching, 1,/
}
