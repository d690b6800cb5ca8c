/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods: liburcu-memb behind functions, so that the library's licence
 * stays free, the laboratory can replace them, and the sanitizer's edges stand
 * in one place. Only threads the library created register.
 */
#ifndef HEDDLE_PLATFORM_RCU_H
#define HEDDLE_PLATFORM_RCU_H

void hd_rcu_register(void);
void hd_rcu_unregister(void);

/* Read sections nest; the thread must be registered. */
void hd_rcu_read_lock(void);
void hd_rcu_read_unlock(void);

/* Waits for all read sections that have begun; from no read section. */
void hd_rcu_synchronize(void);

/* The process is a forked child, and none of its threads is registered. */
void hd_rcu_forget(void);

#endif /* HEDDLE_PLATFORM_RCU_H */
