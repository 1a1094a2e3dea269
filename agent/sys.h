/*
 * System calls, raw: they change no errno, take no lock, are no cancellation points, and run no
 * code of a library that the host may have replaced. Each returns what the kernel did: a value or
 * a negative errno.
 *
 * Context: any; async-signal-safe.
 */
#pragma once
#include "agent/compiler.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

guard_inline long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define sys3(number, a, b, c) sys_call(number, (long)(a), (long)(b), (long)(c), 0, 0, 0)

guard_inline bool sys_failed(const void *p)
{
	return (uintptr_t)p >= (uintptr_t)-4095;
}

guard_inline void *sys_mmap(void *at, size_t length, int protection, int flags, int fd)
{
	return (void *)sys_call(SYS_mmap, (long)at, (long)length, protection, flags, fd, 0);
}

guard_inline long sys_read_file(const char *path, char *buffer, size_t size)
{
	long fd = sys3(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	long total = 0, n;

	if (fd < 0)
		return fd;
	while ((size_t)total < size - 1 && (n = sys3(SYS_read, fd, buffer + total, size - 1 - (size_t)total)) > 0)
		total += n;
	sys3(SYS_close, fd, 0, 0);
	buffer[total] = '\0';
	return total;
}

/* Blocks every signal of this thread for a moment, glibc's own included; *old is what to put back. */
guard_inline void sys_signals_block(uint64_t *old)
{
	uint64_t all = ~UINT64_C(0);

	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)old, 8, 0, 0);
}

guard_inline void sys_signals_restore(const uint64_t *old)
{
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)old, 0, 8, 0, 0);
}

/* Is the word at this address readable? The kernel reads the set before it refuses a bad `how`. */
guard_inline bool sys_readable(const void *address)
{
	return sys_call(SYS_rt_sigprocmask, -1, (long)address, 0, 8, 0, 0) == -EINVAL;
}
