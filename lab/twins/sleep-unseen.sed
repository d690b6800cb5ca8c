# file: sched/worker.c
# A worker announces that it sleeps and does not look at the queues again: a
# task that was submitted between its search and its announcement stays.
/if (search_from_sleep(worker))/,/return true;/d
