/*
 * Frees all that it allocates and ends with status 3. With the argument `hold` it says so and waits for the end of its
 * standard input; with `emulated` it executes itself where madvise says yes and does nothing, as emulators do. Built
 * plainly, with sanitizers, with an allocator of its own (OWN_MALLOC), and asking for a sanitizer's function that is
 * not there; dormant.py expects what the agent says about each.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void __asan_init(void) __attribute__((weak));

#ifdef OWN_MALLOC
static char pool[1 << 20];
static size_t used;

void *malloc(size_t size)
{
	char *p = pool + used;

	used += (size + 15) & ~(size_t)15;
	return used <= sizeof(pool) ? p : NULL;
}

void free(void *p)
{
	(void)p;
}

void *calloc(size_t n, size_t size)
{
	return malloc(n * size); /* never used twice, so it is zero */
}

void *realloc(void *p, size_t size)
{
	void *q = malloc(size);

	if (p && q)
		memcpy(q, p, size); /* reads on into the pool, which is there */
	return q;
}
#endif

static int execute_emulated(char *program)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

	if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		execl(program, program, NULL);
	return 77;
}

int main(int argc, char **argv)
{
	char *blocks[100], byte;

	if (argc > 1 && strcmp(argv[1], "emulated") == 0)
		return execute_emulated(argv[0]);
	for (int i = 0; i < 100; i++)
		blocks[i] = malloc(10 + i);
	for (int i = 0; i < 100; i++)
		free(blocks[i]);
	printf("%s\n", __asan_init ? "address" : "plain");
	fflush(stdout);
	if (argc > 1 && strcmp(argv[1], "hold") == 0)
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	return 3;
}
