/*
 * Stacks as text -- see text_stack.h.
 */
#include "analyzer/text_stack.h"
#include "analyzer/modulepath.h"
#include "analyzer/words.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STACK_LAST_LINES 2 /* after what was left out */
#define LINE_MAX_WIDTH 112
#define FUNCTION_MAX_WIDTH 96

struct line {
	uint64_t frame;
	const struct symbol *symbol;
};

void put_text(FILE *out, const char *text, size_t limit)
{
	char *clean = clean_text(text, true);
	size_t length = clean ? strlen(clean) : 0;

	if (length <= limit) {
		fputs(clean ? clean : "?", out);
	} else {
		size_t keep = limit > 3 ? limit - 3 : 0;

		while (keep && ((unsigned char)clean[keep] & 0xc0) == 0x80)
			keep--;
		fprintf(out, "%.*s...", (int)keep, clean);
	}
	free(clean);
}

/* The frames with what was inlined into them, as lines; *n of them, to be freed. NULL when out of memory. */
static struct line *expand(const struct process *process, const struct listed_callsite *callsite,
			   struct symbolizer *symbolizer, size_t *n)
{
	struct line *lines = NULL;
	size_t used = 0, allocated = 0;

	for (uint32_t i = 0; i < callsite->n_frames; i++) {
		const struct symbol *symbols;
		unsigned n_symbols = symbolize(symbolizer, process, callsite->frames[i], &symbols);

		if (used + n_symbols > allocated) {
			struct line *more = reallocarray(lines, 2 * (used + n_symbols), sizeof(*lines));

			if (!more) {
				free(lines);
				return NULL;
			}
			lines = more;
			allocated = 2 * (used + n_symbols);
		}
		for (unsigned j = 0; j < n_symbols; j++)
			lines[used++] = (struct line){.frame = callsite->frames[i], .symbol = &symbols[j]};
	}
	*n = used;
	return lines ? lines : calloc(1, sizeof(*lines));
}

static bool starts_programs(const char *function)
{
	static const char *const names[] = {
		"_start",  "__libc_start_main", "__libc_start_call_main", "start_thread", "clone", "clone3",
		"__clone", "__clone3"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(function, names[i], strlen(names[i])) == 0 &&
		    (function[strlen(names[i])] == '\0' || function[strlen(names[i])] == '@' ||
		     strcmp(function + strlen(names[i]), "_impl") == 0))
			return true;
	return false;
}

/* How many lines are worth showing: up to main, or without the library's start of a thread. */
static size_t useful_lines(const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lines[i].symbol->function && strcmp(lines[i].symbol->function, "main") == 0 &&
		    lines[i].symbol->quality == SYMBOL_EXACT)
			return i + 1;
	while (n > 1 && lines[n - 1].symbol->function && starts_programs(lines[n - 1].symbol->function))
		n--;
	return n;
}

/* The path, or as much of its end as there is room for. */
static void put_path(FILE *out, const char *path, size_t room)
{
	size_t length = strlen(path);

	if (length > room && length > 24) {
		const char *tail = path + length - (room > 24 ? room - 4 : 20);

		tail = strchr(tail, '/') ? strchr(tail, '/') : base_name(path);
		fputs("...", out);
		path = tail;
	}
	put_text(out, path, 256);
}

static void put_place(FILE *out, const struct process *process, const struct line *line, size_t room)
{
	uint64_t id = line->frame >> FRAME_MODULE_SHIFT, offset = line->frame & FRAME_OFFSET_MASK;
	const struct symbol *symbol = line->symbol;
	const char *module = id && id < process->n_modules ? module_name(process, &process->modules[id]) : "";

	if (symbol->file) {
		put_path(out, symbol->file, room);
		if (symbol->line)
			fprintf(out, ":%u", symbol->line);
	} else if (!module[0]) {
		fprintf(out, "0x%llx in no module", (unsigned long long)offset);
	} else if (symbol->function) {
		put_text(out, base_name(module), 64);
	} else {
		put_text(out, module, 256);
		fprintf(out, "+0x%llx", (unsigned long long)offset);
	}
}

static void put_line(FILE *out, const struct process *process, const struct line *line)
{
	const struct symbol *symbol = line->symbol;
	size_t length = symbol->function ? strlen(symbol->function) : 2;

	fputs("      ", out);
	put_text(out, symbol->function ? symbol->function : "??", FUNCTION_MAX_WIDTH);
	if (symbol->quality == SYMBOL_NEAREST)
		fprintf(out, "+0x%llx (nearest symbol)", (unsigned long long)symbol->function_offset);
	fputs("  ", out);
	put_place(out, process, line, length < LINE_MAX_WIDTH ? LINE_MAX_WIDTH - length : 0);
	fputs(symbol->inlined ? "  [inlined]\n" : "\n", out);
}

int text_stack(FILE *out, const struct process *process, const struct listed_callsite *callsite,
	       struct symbolizer *symbolizer)
{
	size_t n = 0, first, last;
	struct line *lines = expand(process, callsite, symbolizer, &n);

	if (!lines)
		return -ENOMEM;
	n = useful_lines(lines, n);
	first = n > STACK_LINES ? STACK_LINES - STACK_LAST_LINES - 1 : n;
	last = n > STACK_LINES ? STACK_LAST_LINES : 0;
	for (size_t i = 0; i < first; i++)
		put_line(out, process, &lines[i]);
	if (last)
		fprintf(out, "      ... %zu more frames\n", n - first - last);
	for (size_t i = n - last; i < n; i++)
		put_line(out, process, &lines[i]);
	if (n == 0)
		fputs("      no stack\n", out);
	if (callsite->flags & STACK_CUT)
		fputs("      [stack cut: deeper than option depth]\n", out);
	else if ((callsite->flags & STACK_INCOMPLETE) && n)
		fputs("      [stack incomplete: the unwinder stopped here]\n", out);
	free(lines);
	return 0;
}
