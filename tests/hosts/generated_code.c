/*
 * environment: GUARD_START_DELAY=20ms
 * Code without unwind tables, in a mapped page, calls malloc with nonsense in rbp (hazards 58, 59); and
 * malloc at the bottom of 200,000 frames (hazard 68). Equal: that it works.
 */
#include "host.h"
#include <sys/mman.h>
#include <sys/resource.h>

/* push rbp; mov rbp, rsi; sub rsp, 16; mov rax, rdx; call rax; add rsp, 16; pop rbp; ret */
static const unsigned char code[] = {0x55, 0x48, 0x89, 0xf5, 0x48, 0x83, 0xec, 0x10, 0x48, 0x89,
				     0xd0, 0xff, 0xd0, 0x48, 0x83, 0xc4, 0x10, 0x5d, 0xc3};

static void call_generated(char *page)
{
	static const uintptr_t junk[] = {0, 1, 8, 0xdeadbeefdeadbeef, 0x7fffffffffff0000, 0xffffffffffffffff, 4096};
	void *(*call)(size_t, uintptr_t, void *(*)(size_t));

	memcpy(page, code, sizeof(code));
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	*(void **)&call = page;
	for (size_t i = 0; i < COUNT(junk); i++)
		for (size_t k = 0; k < 100; k++)
			free(call(k * 10, junk[i], malloc));
	for (size_t k = 0; k < 1000; k++)
		free(call(k, (uintptr_t)page + k, malloc));
	free(call(10, (uintptr_t)&page - 8, malloc));
	free(call(10, (uintptr_t)&page + 4096, malloc));
}

static __attribute__((noinline)) int deep(int n)
{
	volatile int here = n;

	if (!n) {
		churn(10);
		return 1;
	}
	return deep(n - 1) + (here - n);
}

static void *in_thread(void *unused)
{
	for (int i = 0; i < 15; i++)
		deep(200000);
	return unused;
}

int main(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t large;
	pthread_t thread;

	call_generated(page);
	say("generated code went well\n");
	for (int i = 0; i < 30; i++)
		deep(i % 2 ? 100000 : 50000);
	pthread_attr_init(&large);
	pthread_attr_setstacksize(&large, 256 << 20);
	if (!pthread_create(&thread, &large, in_thread, NULL))
		pthread_join(thread, NULL);
	say("deep stacks went well\n");
	return 0;
}
