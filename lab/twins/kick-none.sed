# file: sched/look.c
# A submitter publishes its task and starts nobody.
/^void hd_kick/,/^}/{
	s/if (!hd_permit_room(group))/if (group)/
}
