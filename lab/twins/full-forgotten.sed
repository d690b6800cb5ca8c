# file: sched/ready.c
# A group whose attempt failed at an ancestor is not found by the next search.
/search->root_full = !full->parent;/a\
		hd_bitset_clear_any(\&group->ready, 0);
