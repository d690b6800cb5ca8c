# file: sched/look.c
# A kick that held the permits for a moment does not look for those it kept out.
/^void hd_kick/,/^}/{
	/if (owed)/,/hd_look/d
}
