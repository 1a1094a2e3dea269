/*
 * What audits the host `audited`: it allocates whenever it hears something, and says nothing.
 */
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *blocks[64];
static unsigned heard;

static void hear(void)
{
	unsigned i = heard++ % 64;

	free(blocks[i]);
	blocks[i] = malloc(heard % 1000 + 1);
	if (blocks[i])
		memset(blocks[i], 1, heard % 1000 + 1);
}

unsigned la_version(unsigned version)
{
	hear();
	return version;
}

unsigned la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie)
{
	(void)map, (void)space, (void)cookie;
	hear();
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

static double sine(double x)
{
	return 42 + x;
}

uintptr_t la_symbind64(Elf64_Sym *symbol, unsigned index, uintptr_t *from, uintptr_t *to, unsigned *flags,
		       const char *name)
{
	(void)index, (void)from, (void)to, (void)flags;
	hear();
	return strcmp(name, "sin") ? symbol->st_value : (uintptr_t)sine;
}
