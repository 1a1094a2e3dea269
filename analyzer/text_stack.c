/*
 * Stacks as text -- see text_stack.h.
 */
#include "analyzer/text_stack.h"
#include "analyzer/modulepath.h"
#include "analyzer/words.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The ends of a long stack, which are shown in any case. */
#define STACK_FIRST_LINES 3
#define STACK_LAST_LINES 2
#define FUNCTION_MAX_WIDTH 96
#define FUNCTIONS_IN_LINE 4
#define FUNCTION_MAX_IN_LINE 32
#define PATH_MAX_WIDTH 48

struct line {
	uint64_t frame;
	const struct symbol *symbol;
	bool shown;
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

static const char *line_module(const struct process *process, const struct line *line)
{
	uint64_t id = line->frame >> FRAME_MODULE_SHIFT;

	return id && id < process->n_modules ? module_name(process, &process->modules[id]) : "";
}

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether this is the C library's way into main or into a thread. */
static bool starts_programs(const struct process *process, const struct line *line)
{
	static const char *const names[] = {"__libc_start_main",
					    "__libc_start_main_impl",
					    "__libc_start_call_main",
					    "start_thread",
					    "clone3",
					    "__clone3",
					    "clone",
					    "__clone"};
	const char *module = base_name(line_module(process, line));

	if (!line->symbol->function || (!begins_with(module, "libc.") && !begins_with(module, "libpthread.")))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(line->symbol->function, names[i]) == 0)
			return true;
	return false;
}

/* How many lines are worth showing: those down to main, or to the function that a thread began with. */
static size_t useful_lines(const struct process *process, const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lines[i].symbol->function && strcmp(lines[i].symbol->function, "main") == 0 &&
		    lines[i].symbol->quality == SYMBOL_EXACT)
			return i + 1;
		if (i && starts_programs(process, &lines[i]))
			return i;
	}
	return n;
}

/* Whether the line is in code that came with the system or the compiler, by all that its paths tell. */
static bool is_library(const struct process *process, const struct line *line)
{
	static const char *const sources[] = {"/rustc/", "/rust/", "/usr/", "/build/"};
	static const char *const modules[] = {"/lib", "/usr/lib"};
	const char *file = line->symbol->file, *module = line_module(process, line);

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (begins_with(module, modules[i]))
			return true;
	for (size_t i = 0; file && i < sizeof(sources) / sizeof(sources[0]); i++)
		if (begins_with(file, sources[i]))
			return true;
	return file && strstr(file, "/.cargo/");
}

/* Marks the lines of a long stack that are shown: both ends, then the program's own code, then from the leaf on. */
static void choose_lines(const struct process *process, struct line *lines, size_t n, size_t room)
{
	for (unsigned turn = 0; turn < 3; turn++)
		for (size_t i = 0; i < n && room; i++) {
			bool end = i < STACK_FIRST_LINES || i >= n - STACK_LAST_LINES;

			if (lines[i].shown || (turn == 0 && !end) || (turn == 1 && is_library(process, &lines[i])))
				continue;
			lines[i].shown = true;
			room--;
		}
}

/* The path, of a long one its last three parts. */
static void put_path(FILE *out, const char *path)
{
	const char *tail = path + strlen(path);

	for (unsigned parts = 0; strlen(path) > PATH_MAX_WIDTH && tail > path; tail--)
		if (*tail == '/' && ++parts == 3)
			break;
	if (strlen(path) > PATH_MAX_WIDTH && tail > path) {
		fputs("...", out);
		path = tail;
	}
	put_text(out, path, 256);
}

static void put_place(FILE *out, const struct process *process, const struct line *line)
{
	uint64_t offset = line->frame & FRAME_OFFSET_MASK;
	const struct symbol *symbol = line->symbol;
	const char *module = line_module(process, line);

	if (!module[0] && symbol->function)
		return; /* a replay's: the name is all there is */
	fputs("  ", out);
	if (symbol->file) {
		put_path(out, symbol->file);
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

	fputs("      ", out);
	put_text(out, symbol->function ? symbol->function : "??", FUNCTION_MAX_WIDTH);
	if (symbol->quality == SYMBOL_NEAREST)
		fprintf(out, "+0x%llx (nearest symbol)", (unsigned long long)symbol->function_offset);
	put_place(out, process, line);
	fputs(symbol->inlined ? "  [inlined]\n" : "\n", out);
}

/* A function's name without its arguments. */
static void put_short_name(FILE *out, const char *function)
{
	char name[FUNCTION_MAX_IN_LINE + 4];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(function, "("), function);
	put_text(out, name, FUNCTION_MAX_IN_LINE);
}

int text_stack_line(FILE *out, const struct process *process, const struct listed_callsite *callsite,
		    struct symbolizer *symbolizer)
{
	size_t n = 0, n_own = 0, n_shown = 0;
	struct line *lines = expand(process, callsite, symbolizer, &n);

	if (!lines)
		return -ENOMEM;
	n = useful_lines(process, lines, n);
	for (size_t i = 0; i < n; i++)
		n_own += !is_library(process, &lines[i]);
	for (size_t i = 0; i < n && n_shown < FUNCTIONS_IN_LINE; i++) {
		/* The leaf, and then the program's own, if it has any. */
		if (i && n_own && is_library(process, &lines[i]))
			continue;
		fputs(n_shown++ ? " < " : ": ", out);
		put_short_name(out, lines[i].symbol->function ? lines[i].symbol->function : "??");
	}
	fputc('\n', out);
	free(lines);
	return 0;
}

int text_stack(FILE *out, const struct process *process, const struct listed_callsite *callsite, size_t most,
	       struct symbolizer *symbolizer)
{
	size_t n = 0, n_left_out = 0;
	struct line *lines = expand(process, callsite, symbolizer, &n);

	if (!lines)
		return -ENOMEM;
	n = useful_lines(process, lines, n);
	choose_lines(process, lines, n, most);
	for (size_t i = 0; i < n; i++) {
		if (!lines[i].shown) {
			n_left_out++;
			continue;
		}
		if (n_left_out)
			fprintf(out, "      ... %zu more frame%s\n", n_left_out, n_left_out == 1 ? "" : "s");
		n_left_out = 0;
		put_line(out, process, &lines[i]);
	}
	if (n == 0)
		fputs(callsite->flags & STACK_NONE ? "      no stack: mode counts\n" : "      no stack\n", out);
	if (callsite->flags & STACK_CUT)
		fputs("      [stack cut: deeper than option depth]\n", out);
	else if ((callsite->flags & STACK_INCOMPLETE) && n)
		fputs("      [stack incomplete: the unwinder stopped here]\n", out);
	free(lines);
	return 0;
}
