/*
 * A program that leaks one block and ends -- for tests in which it is not the program that matters.
 */
#include <stdlib.h>

int main(void)
{
	void *volatile p = malloc(100);

	p = malloc(200);
	return p ? 0 : 1;
}
