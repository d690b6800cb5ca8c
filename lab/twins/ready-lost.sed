# file: sched/ready.c
# The ready bit is cleared and the work is not read again.
/^static bool own_work/,/^}/{
	/ready-1/,/hd_ready_mark/{
		/hd_ready_mark/!d
		s/.*/\t\treturn false;/
	}
}
