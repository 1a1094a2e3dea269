/*
 * Compiler -- the few attributes and instructions that C has no words for.
 *
 * Counters of a thread are changed by that thread alone, but a signal handler of the host may
 * interrupt the change and allocate. counter_add() is one instruction, so a handler's additions
 * are never lost; readers in other threads and processes see whole values.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define guard_export __attribute__((visibility("default")))
/* For declarations of what the fast path reads: found without the global offset table. */
#define guard_hidden __attribute__((visibility("hidden")))
#define guard_cold __attribute__((cold, noinline))
#define guard_inline static inline __attribute__((always_inline))
/* For a function that tail-calls: it finds its return address without frame pointers, and saves nothing. */
#define guard_frameless __attribute__((noinline, optimize("omit-frame-pointer")))
/* Reads words that other threads write meanwhile, several at a time: each is whole. ThreadSanitizer is not to look. */
#define guard_racing __attribute__((no_sanitize_thread))

#if !defined(__x86_64__)
#error "libguard's agent knows x86-64 only: counter_add, the unwind rules and the stack switch are written for it"
#endif

guard_inline void counter_add(uint64_t *counter, uint64_t value)
{
	__asm__("addq %1, %0" : "+m"(*counter) : "er"(value) : "cc");
}

guard_inline void counter_sub(uint64_t *counter, uint64_t value)
{
	__asm__("subq %1, %0" : "+m"(*counter) : "er"(value) : "cc");
}

/* Adds to a bump pointer of this thread; one instruction, so a signal handler gets other memory. */
guard_inline uint64_t counter_fetch_add(uint64_t *counter, uint64_t value)
{
	__asm__ volatile("xaddq %0, %1" : "+r"(value), "+m"(*counter) : : "cc", "memory");
	return value;
}

/*
 * What the kernel orders and ThreadSanitizer cannot see: all that a thread did comes before its robust mutexes are
 * marked, and that before another takes one of them; likewise for unmapping, and mapping the same place. Nothing in a
 * build without it.
 */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define order_acquire(address) __tsan_acquire(address)
#define order_release(address) __tsan_release(address)
#else
#define order_acquire(address) ((void)(address))
#define order_release(address) ((void)(address))
#endif

/*
 * The same value, but another one to the compiler: this one, which is needed behind a call, is kept in a register that
 * has to be saved first; a path without the call has the old one, and saves nothing.
 */
guard_inline uint64_t value_apart(uint64_t value)
{
	__asm__("" : "+r"(value));
	return value;
}

guard_inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

/*
 * Runs function(argument) on another stack, so that a deep callee cannot overflow the small one a
 * host may be on. Signals should be blocked: a handler would run there too.
 */
guard_inline void call_on_stack(void *top, void (*function)(void *), void *argument)
{
	register void *saved __asm__("rbx");
	__asm__ volatile("movq %%rsp, %0\n\t"
			 "movq %1, %%rsp\n\t"
			 "call *%2\n\t"
			 "movq %0, %%rsp"
			 : "=&r"(saved), "+S"(top), "+d"(function), "+D"(argument)
			 :
			 : "rax", "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			   "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
			   "memory", "cc");
}
