// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the translated sources see in place of <stdatomic.h> and platform/: atomics,
 * plain words, memory, the futex and membarrier, all of them Relacy's. This is the
 * whole of what is not the library's own text; translate.sed has the rest.
 */
#ifndef HEDDLE_TESTS_MODEL_RELACY_MACHINE_HH
#define HEDDLE_TESTS_MODEL_RELACY_MACHINE_HH

// Its checks of itself, one of them that a failure happens again from its number.
#define RL_DO_ASSERT 1
#include <relacy/relacy.hpp>

#include <cstdint>
#include <new>

// Relacy takes the names of the language and of the C library for itself; what is
// looked at here has its memory from hd_alloc().
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#include <cerrno>

/* ---- words ---- */

// Memory that was zeroed is an atomic with the value 0.
template <class T> struct zeroed : rl::atomic<T> {
	zeroed() : rl::atomic<T>(T())
	{
	}
};

// Relacy reports two accesses without an order between them.
template <class T> class plain
{
	rl::var<T> value;

      public:
	plain() : value(T())
	{
	}
	operator T() const
	{
		return value(RL_INFO).load();
	}
	T operator=(T wanted)
	{
		value(RL_INFO).store(wanted);
		return wanted;
	}
};

// What is only a guess is no event: nothing depends on it, and each would double a
// search.
template <class T> struct guess {
	T value = T();

	T load(rl::memory_order, rl::debug_info_param) const
	{
		return value;
	}
	void store(T wanted, rl::memory_order, rl::debug_info_param)
	{
		value = wanted;
	}
};

// Elements that begin here; who makes the struct makes them.
template <class T> struct alignas(T) tail {
	T *begin()
	{
		return reinterpret_cast<T *>(this);
	}
	T &operator[](size_t i)
	{
		return begin()[i];
	}
};

#define memory_order_relaxed rl::mo_relaxed
#define memory_order_acquire rl::mo_acquire
#define memory_order_release rl::mo_release
#define memory_order_acq_rel rl::mo_acq_rel
#define memory_order_seq_cst rl::mo_seq_cst

#define atomic_load_explicit(at, order)      ((at)->load(order, RL_INFO))
#define atomic_store_explicit(at, to, order) ((at)->store(to, order, RL_INFO))
#define atomic_exchange_explicit(at, to, order) \
 ((at)->exchange(to, order, RL_INFO))
#define atomic_compare_exchange_strong_explicit(at, from, to, good, bad) \
 ((at)->compare_exchange_strong(*(from), to, good, RL_INFO, bad, RL_INFO))
#define atomic_compare_exchange_weak_explicit(at, from, to, good, bad) \
 ((at)->compare_exchange_weak(*(from), to, good, RL_INFO, bad, RL_INFO))
#define atomic_thread_fence(order) rl::atomic_thread_fence(order, RL_INFO)
#define atomic_signal_fence(order) rl::atomic_signal_fence(order, RL_INFO)

#define HD_CACHELINE 128
#define _Alignof(type) alignof(type)
#define HD_ALIGNED
#define hd_assert(e) RL_ASSERT(e)

/* ---- memory ---- */

// How many bytes; what they are is known by the pointer that they are given to.
struct hd_bytes {
	size_t size;
	template <class T> operator T *() const;
};

// In front of each block: how to end the life of what is in it.
struct alignas(16) hd_block {
	void (*end)(void *start, size_t count);
	size_t count;
	hd_block *next;
};

// Freed, and kept to the end of the execution: who still looks meets what has ended its
// life, which Relacy reports. (In its own heap each free doubles a complete search.)
inline hd_block *freed;

template <class T> void hd_end(void *start, size_t count)
{
	while (count--)
		static_cast<T *>(start)[count].~T();
}

inline void *hd_block_make(size_t size, size_t count,
			   void (*end)(void *, size_t))
{
	void *raw = (::malloc)(sizeof(hd_block) + size);

	return new (raw) hd_block{ end, count, nullptr } + 1;
}

template <class T> hd_bytes::operator T *() const
{
	size_t count = size / sizeof(T);
	T *start = static_cast<T *>(hd_block_make(size, count, hd_end<T>));

	for (size_t i = 0; i < count; i++)
		new (start + i) T();
	return start;
}

// A struct whose last field, slot, is an array of what is left of the size.
template <class T> T *hd_block_with_tail(size_t size)
{
	typedef zeroed<uint32_t> slot;
	size_t count = (size - sizeof(T)) / sizeof(slot);
	void *start = hd_block_make(size, count, [](void *made, size_t slots) {
		hd_end<slot>(static_cast<T *>(made)->slot.begin(), slots);
		hd_end<T>(made, 1);
	});
	T *made = new (start) T();

	for (size_t i = 0; i < count; i++)
		new (&made->slot[i]) slot();
	return made;
}

inline void hd_prefetch_to_write(const volatile void *)
{
}

inline hd_bytes hd_alloc(size_t size)
{
	return { size };
}

inline void hd_free(void *start)
{
	if (!start)
		return;
	hd_block *block = static_cast<hd_block *>(start) - 1;
	block->end(start, block->count);
	block->next = freed;
	freed = block;
}

inline void hd_memory_drop_freed()
{
	while (freed) {
		hd_block *next = freed->next;

		(::free)(freed);
		freed = next;
	}
}

/* ---- the kernel ---- */

enum {
	HD_THREADS_MAX = 3
};

struct hd_kernel {
	bool spurious; // a wait may end for no reason
	int threads;
	void (*fence_of)(int thread);
	const void *word; // who sleeps, and on what: one at a time
	int sleeper;
	int depth[HD_THREADS_MAX]; // of read sections, and how many have ended
	int sections[HD_THREADS_MAX];
};
inline hd_kernel kernel;

// Compares with the newest value and sleeps, in one step. Nothing else is promised:
// what the kernel's own locks order is not counted, neither here nor in the wake.
// (Relacy's own futex puts fences there, which would hide an order that is missing.)
inline int hd_futex_wait(rl::atomic<uint32_t> *word, uint32_t expected,
			 uint64_t)
{
	rl::context &ctx = rl::ctx();
	uint32_t never = UINT32_MAX, newest = never;

	// Fails, and a compare-and-swap that fails here reads the newest value.
	word->compare_exchange_strong(newest, never, rl::mo_relaxed, RL_INFO,
				      rl::mo_relaxed, RL_INFO);
	if (newest != expected)
		return -EAGAIN;
	RL_ASSERT(!kernel.word);
	kernel.word = word;
	kernel.sleeper = ctx.threadx_->index_;
	ctx.park_current_thread(false, kernel.spurious, false, RL_INFO);
	kernel.word = nullptr;
	return 0;
}

inline int hd_futex_wake(const void *word, int)
{
	rl::context &ctx = rl::ctx();

	ctx.sched();
	if (kernel.word != word)
		return 0;
	kernel.word = nullptr;
	ctx.unpark_thread(kernel.sleeper, false, RL_INFO);
	return 1;
}

// A full fence of a thread, in a test with so many: they lie side by side in Relacy's
// context, which gives fences only to the thread that runs.
template <int count> void hd_fence_of(int thread)
{
	using info = rl::thread_info<count>;
	rl::context &ctx = rl::ctx();
	rl::thread_info_base *self = ctx.threadx_;
	rl::preemption_disabler stay(ctx);
	auto *at = static_cast<rl::aligned<info> *>(static_cast<info *>(self));

	at += thread - self->index_;
	RL_ASSERT(at->index_ == thread);
	ctx.threadx_ = at;
	ctx.atomic_thread_fence_seq_cst();
	ctx.threadx_ = self;
}

// Each other thread passes its barrier at a moment of its own, which the caller cannot
// see; others go on between them. rl::systemwide_fence() is one instant for all.
inline int hd_membarrier()
{
	rl::context &ctx = rl::ctx();
	int self = ctx.threadx_->index_;

	kernel.fence_of(self);
	for (int i = 0; i < kernel.threads; i++) {
		if (i == self)
			continue;
		ctx.sched();
		kernel.fence_of(i);
	}
	kernel.fence_of(self);
	return 0;
}

/* ---- read sections: as few orders as they promise ---- */

inline void hd_rcu_read_lock()
{
	kernel.depth[rl::ctx().threadx_->index_]++;
}

inline void hd_rcu_read_unlock()
{
	int self = rl::ctx().threadx_->index_;

	rl::ctx().sched();
	if (--kernel.depth[self] == 0)
		kernel.sections[self]++;
}

inline void hd_rcu_synchronize()
{
	hd_kernel before;

	hd_membarrier();
	before = kernel;
	for (int i = 0; i < kernel.threads; i++)
		while (before.depth[i] &&
		       kernel.sections[i] == before.sections[i])
			rl::ctx().yield(1, RL_INFO);
	hd_membarrier();
}

#endif // HEDDLE_TESTS_MODEL_RELACY_MACHINE_HH
