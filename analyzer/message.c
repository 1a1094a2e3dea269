/*
 * Messages -- one write a line, so that lines of the command between them stay whole.
 */
#include "analyzer/message.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void message(const char *format, ...)
{
	static const char prefix[] = "guardctl: ";
	char line[2048];
	size_t length = sizeof(prefix) - 1;
	int saved = errno, n;
	va_list arguments;

	memcpy(line, prefix, length);
	va_start(arguments, format);
	n = vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
	va_end(arguments);
	if (n > 0)
		length += (size_t)n < sizeof(line) - length - 2 ? (size_t)n : sizeof(line) - length - 2;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	n = (int)write(STDERR_FILENO, line, length);
	(void)n; /* there is nobody left to tell */
	errno = saved;
}
