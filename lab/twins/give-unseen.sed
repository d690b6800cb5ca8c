# file: sched/permit.c
# A permit given back makes room and owes no look: a sibling that failed while
# the permit was held for a moment is forgotten.
/Full to not full/,/^}/{
	s/return 1;/return 0;/
}
