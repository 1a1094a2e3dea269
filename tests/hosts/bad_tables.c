/*
 * environment: GUARD_START_DELAY=20ms
 * Assembly by hand whose unwind tables lie (hazards 59, 63, 65), as OpenSSL and others have had it: the frame said
 * to be too small, too large, lower than it is, in a register that holds anything, in an expression; the
 * return address said to be in a register or nowhere; a signal frame that is none; a caller that is itself.
 * Equal: that malloc works from there, at all depths, in threads and in handlers.
 */
#include "host.h"

/* Each calls rdi(rsi) with its stack aligned and returns what that returns; `lie` is what its table says of it. */
#define LIAR(name, lie)                                                                                                \
	__asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ":\n"                                    \
		".cfi_startproc\n"                                                                                     \
		"pushq %rbp\n"                                                                                         \
		"movq %rsi, %rbp\n"                                                                                    \
		"movq %rdi, %rax\n"                                                                                    \
		"movq %rsi, %rdi\n" lie "call *%rax\n"                                                                 \
		"popq %rbp\n"                                                                                          \
		"ret\n"                                                                                                \
		".cfi_endproc\n.size " #name ", . - " #name "\n");                                                     \
	void *name(void *(*function)(size_t), size_t size);

LIAR(too_small, ".cfi_def_cfa_offset 8\n")
LIAR(too_large, ".cfi_def_cfa_offset 80000\n")
LIAR(very_large, ".cfi_def_cfa_offset 2000000000\n")
LIAR(odd, ".cfi_def_cfa_offset 13\n")
LIAR(lower, ".cfi_def_cfa_offset -64\n")
LIAR(in_rbp, ".cfi_def_cfa rbp, 16\n")
LIAR(in_rax, ".cfi_def_cfa rax, 16\n")
LIAR(saved_far, ".cfi_def_cfa_offset 16\n.cfi_offset rbp, -400000\n")
LIAR(saved_above, ".cfi_def_cfa_offset 16\n.cfi_offset rbp, 4096\n")
LIAR(nowhere, ".cfi_def_cfa_offset 16\n.cfi_undefined rip\n")
LIAR(in_register, ".cfi_def_cfa_offset 16\n.cfi_register rip, rbx\n")
LIAR(of_a_signal, ".cfi_signal_frame\n.cfi_def_cfa_offset 16\n")
LIAR(itself, ".cfi_def_cfa_offset 16\n.cfi_same_value rip\n")
LIAR(expression, ".cfi_escape 0x0f, 0x03, 0x77, 0x10, 0x06\n")	  /* what stands at rsp + 16 */
LIAR(endless, ".cfi_escape 0x0f, 0x03, 0x2f, 0xfd, 0xff\n")	  /* an expression that jumps to its own begin */
LIAR(divided, ".cfi_escape 0x0f, 0x04, 0x31, 0x30, 0x1b, 0x96\n") /* one that divides by zero */

static void *(*const liars[])(void *(*)(size_t), size_t) = {
	endless,   too_small,	too_large, very_large,	odd,	     lower,  in_rbp,	 in_rax,
	saved_far, saved_above, nowhere,   in_register, of_a_signal, itself, expression, divided};

static __attribute__((noinline)) void *inner(size_t size)
{
	void *p = malloc(size);

	return kept(p);
}

static __attribute__((noinline)) int deep(int n)
{
	int done = 0;

	for (size_t i = 0; i < COUNT(liars); i++) {
		free(liars[i](malloc, i * 16 + 1));
		free(liars[i](inner, i * 16 + 1));
		done += 2;
	}
	return n ? deep(n - 1) + done : done;
}

static volatile sig_atomic_t handled;

static void handler(int signal)
{
	(void)signal;
	handled += deep(2) > 0;
}

static void *in_thread(void *unused)
{
	deep(100);
	return unused;
}

int main(void)
{
	pthread_t thread;

	say("done %d\n", deep(0));
	say("done %d\n", deep(200));
	if (pthread_create(&thread, NULL, in_thread, NULL) || pthread_join(thread, NULL))
		return 1;
	signal(SIGUSR1, handler);
	for (int i = 0; i < 20; i++)
		raise(SIGUSR1);
	say("handled %d\n", (int)handled);
	return 0;
}
