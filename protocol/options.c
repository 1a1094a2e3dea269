/*
 * Options -- the table's rows, setting them from text, printing what was changed.
 *
 * Guarantees: no allocation, no locale, no stdio, no state; a value that fails to parse changes
 * nothing. Costs: microseconds for a whole environment.
 */
#include "protocol/options.h"
#include "protocol/quantity.h"
#include <errno.h>
#include <string.h>

#define VALUE_SHOWN 64u
#define NAME_LONGEST 32u
#define PREFIX "GUARD_"
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)

#define ROW(type, field, name, fallback, minimum, maximum, help)                                                       \
	{type, name, fallback, minimum, maximum, help, offsetof(struct options, field)},
const struct option_row option_rows[] = {OPTIONS(ROW)};
#undef ROW
const unsigned n_option_rows = sizeof(option_rows) / sizeof(option_rows[0]);

static const char modes[N_MODES][8] = {"exact", "sampled", "counts", "off"};
static const char actions[N_ACTIONS][8] = {"log", "term", "none"};

/* By enum option_type: what a value is, and what would be right. */
static const char wanted[][96] = {
	[OPTION_STRING] = "a path: write at most 511 characters, none of them a control character",
	[OPTION_DURATION] = "a time: write a number with ms, s, m or h, such as 30s",
	[OPTION_COUNT] = "a count: write a whole number, such as 120",
	[OPTION_SIZE] = "a size: write a number with K, M or G, such as 512K",
	[OPTION_RATE] = "a rate: write SIZE/TIME with s, m or h, such as 10M/h",
	[OPTION_FRACTION] = "a fraction: write a number from 0 to 1 or a percentage, such as 3%",
	[OPTION_MODE] = "a mode: write exact, sampled, counts or off",
	[OPTION_ACTION] = "an action: write log, term or none",
	[OPTION_LIST] = "a list: write NAME=COUNT,..., such as cache_put=2200",
};

struct value {
	union {
		uint64_t integer;
		double real;
		uint32_t choice;
	};
	const char *text;
};

static int parse_choice(const char *s, const char (*names)[8], uint32_t n_names, uint32_t *choice)
{
	for (*choice = 0; *choice < n_names; ++*choice)
		if (!strcmp(s, names[*choice]))
			return 0;
	return -EINVAL;
}

static bool list_valid(const char *s)
{
	const char *name;
	size_t length;
	uint64_t count;
	int r;

	while ((r = quantity_next_limit(&s, &name, &length, &count)) > 0)
		;
	return r == 0;
}

static bool text_valid(const char *s)
{
	size_t n = 0;

	for (; *s; s++, n++)
		if (n >= OPTION_TEXT_MAX - 1 || (unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static int parse_value(const struct option_row *row, const char *s, struct value *v)
{
	bool off = !strcmp(s, "off") && !strcmp(row->fallback, "off");

	v->text = s;
	switch (row->type) {
	case OPTION_DURATION:
		return quantity_parse_duration(s, &v->integer);
	case OPTION_COUNT:
		return quantity_parse_count(s, &v->integer);
	case OPTION_SIZE:
		return quantity_parse_size(off ? "0" : s, &v->integer);
	case OPTION_RATE:
		return quantity_parse_rate(s, &v->real);
	case OPTION_FRACTION:
		return quantity_parse_fraction(off ? "0" : s, &v->real);
	case OPTION_MODE:
		return parse_choice(s, modes, N_MODES, &v->choice);
	case OPTION_ACTION:
		return parse_choice(s, actions, N_ACTIONS, &v->choice);
	case OPTION_STRING:
		return text_valid(s) ? 0 : -EINVAL;
	case OPTION_LIST:
		return text_valid(s) && list_valid(s) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/* Is a < b, both of the row's type? */
static bool value_less(const struct option_row *row, const struct value *a, const struct value *b)
{
	return row->type == OPTION_RATE || row->type == OPTION_FRACTION ? a->real < b->real : a->integer < b->integer;
}

static bool is_text(const struct option_row *row)
{
	return row->type == OPTION_STRING || row->type == OPTION_LIST;
}

/* Bytes of a row's field that is no text. */
static size_t field_size(const struct option_row *row)
{
	return row->type == OPTION_MODE || row->type == OPTION_ACTION ? sizeof(uint32_t) : sizeof(uint64_t);
}

static void store(struct options *options, const struct option_row *row, const struct value *v)
{
	char *field = (char *)options + row->offset;

	if (is_text(row)) {
		memset(field, 0, OPTION_TEXT_MAX);
		memcpy(field, v->text, strlen(v->text));
	} else {
		memcpy(field, &v->integer, field_size(row));
	}
}

static bool is_default(const struct option_row *row, const void *field)
{
	struct value v;

	if (is_text(row))
		return !strncmp(field, row->fallback, OPTION_TEXT_MAX);
	return parse_value(row, row->fallback, &v) == 0 && !memcmp(field, &v.integer, field_size(row));
}

static void put_value(struct text *t, const char *value)
{
	size_t n = strnlen(value, VALUE_SHOWN + 1), i;

	text_put_string(t, "'");
	for (i = 0; i < n && i < VALUE_SHOWN; i++)
		text_put(t, (unsigned char)value[i] < ' ' || value[i] == 0x7f ? "?" : value + i, 1);
	text_put_string(t, n > VALUE_SHOWN ? "...'" : "'");
}

/* What is wrong with the value, as the middle of a sentence, and the limit that ends it; NULL: nothing. */
static const char *out_of_range(const struct option_row *row, int r, const struct value *v, const char **limit)
{
	struct value bound;

	*limit = row->minimum;
	if (r == 0 && **limit && parse_value(row, *limit, &bound) == 0 && value_less(row, v, &bound))
		return " is too small: the least is ";
	*limit = row->maximum;
	if (r == -ERANGE || (r == 0 && **limit && parse_value(row, *limit, &bound) == 0 && value_less(row, &bound, v)))
		return **limit ? " is too large: the most is " : " is too large";
	return NULL;
}

/* Sets a row. The message calls the option what the user called it. */
static int set(struct options *options, const struct option_row *row, const char *value, const char *shown,
	       size_t shown_length, struct text *error)
{
	struct value v;
	const char *limit, *wrong;
	int r = parse_value(row, value, &v);

	wrong = out_of_range(row, r, &v, &limit);
	if (r == 0 && !wrong) {
		store(options, row, &v);
		return 0;
	}
	text_put(error, shown, shown_length);
	text_put_string(error, ": ");
	put_value(error, value);
	if (wrong) {
		text_put_string(error, wrong);
		text_put_string(error, limit);
	} else {
		text_put_string(error, " is not ");
		text_put_string(error, wanted[row->type]);
		text_put_string(error, strcmp(row->fallback, "off") ? "" : ", or off");
	}
	return -EINVAL;
}

void options_default(struct options *options)
{
	struct value v;
	unsigned i;

	memset(options, 0, sizeof(*options));
	for (i = 0; i < n_option_rows; i++)
		if (parse_value(&option_rows[i], option_rows[i].fallback, &v) == 0)
			store(options, &option_rows[i], &v);
}

const struct option_row *option_find(const char *name, size_t length)
{
	unsigned i;

	for (i = 0; i < n_option_rows; i++)
		if (strlen(option_rows[i].name) == length && !memcmp(option_rows[i].name, name, length))
			return &option_rows[i];
	return NULL;
}

/* Edits that turn a into b (Levenshtein); both at most NAME_LONGEST. */
static unsigned distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
	unsigned char row[NAME_LONGEST + 1], diagonal, above, best;
	size_t i, j;

	for (j = 0; j <= n_b; j++)
		row[j] = (unsigned char)j;
	for (i = 1; i <= n_a; i++) {
		diagonal = row[0];
		row[0] = (unsigned char)i;
		for (j = 1; j <= n_b; j++) {
			above = row[j];
			best = diagonal + (a[i - 1] != b[j - 1]);
			best = best < above + 1 ? best : above + 1;
			best = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[n_b];
}

/* The known name that this one may be a slip of, or NULL: at most a third of it is wrong. */
static const struct option_row *closest(const char *name, size_t length)
{
	const struct option_row *best = NULL;
	unsigned best_distance = (unsigned)length / 3 + 1, d, i;

	for (i = 0; i < n_option_rows && length <= NAME_LONGEST; i++) {
		d = distance(name, length, option_rows[i].name, strlen(option_rows[i].name));
		if (d < best_distance) {
			best_distance = d;
			best = &option_rows[i];
		}
	}
	return best;
}

int option_set(struct options *options, const char *name, size_t name_length, const char *value, char *error,
	       size_t size)
{
	const struct option_row *row = option_find(name, name_length), *guess;
	struct text t = {error, size, 0};

	text_put(&t, "", 0);
	if (row)
		return set(options, row, value, name, name_length, &t);
	guess = closest(name, name_length);
	text_put_string(&t, "there is no option '");
	text_put(&t, name, name_length < VALUE_SHOWN ? name_length : VALUE_SHOWN);
	text_put_string(&t, "'");
	if (guess) {
		text_put_string(&t, ": did you mean ");
		text_put_string(&t, guess->name);
		text_put_string(&t, "?");
	}
	return -ENOENT;
}

/* The option's name from the variable's, which ends at '='; 0 when it cannot be one. */
static size_t name_from_variable(const char *variable, char name[NAME_LONGEST])
{
	size_t n = strcspn(variable, "="), i;

	if (variable[n] != '=' || n <= PREFIX_LENGTH || n - PREFIX_LENGTH > NAME_LONGEST)
		return 0;
	n -= PREFIX_LENGTH;
	for (i = 0; i < n; i++) {
		char c = variable[PREFIX_LENGTH + i];

		if (c >= 'a' && c <= 'z')
			return 0;
		name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return n;
}

/* A GUARD_ variable that is no option may be someone else's: speak only when it looks like a slip. */
static bool put_unknown_variable(struct text *t, const char *variable, const char *name, size_t length)
{
	const struct option_row *guess = closest(name, length);
	size_t i;

	if (!guess)
		return false;
	text_put(t, variable, PREFIX_LENGTH + length);
	text_put_string(t, " is no option: did you mean " PREFIX);
	for (i = 0; guess->name[i]; i++) {
		char c = guess->name[i] >= 'a' && guess->name[i] <= 'z' ? (char)(guess->name[i] - 'a' + 'A') : '_';

		text_put(t, &c, 1);
	}
	text_put_string(t, "?");
	return true;
}

void options_from_environment(struct options *options, char *const *environment,
			      void (*warn)(void *context, const char *line), void *context)
{
	char name[NAME_LONGEST], line[256];
	const struct option_row *row;
	size_t n;

	for (; environment && *environment; environment++) {
		struct text t = {line, sizeof(line), 0};
		const char *variable = *environment;
		bool wrong;

		if (strncmp(variable, PREFIX, PREFIX_LENGTH))
			continue;
		n = name_from_variable(variable, name);
		row = option_find(name, n);
		if (row)
			wrong = set(options, row, variable + PREFIX_LENGTH + n + 1, variable, PREFIX_LENGTH + n, &t);
		else
			wrong = n && put_unknown_variable(&t, variable, name, n);
		if (wrong && warn)
			warn(context, line);
	}
}

static void print_value(struct text *t, const struct option_row *row, const void *field)
{
	struct value v = {.text = field};

	if (!is_text(row))
		memcpy(&v.integer, field, field_size(row));
	switch (row->type) {
	case OPTION_DURATION:
		quantity_print_duration(t, v.integer);
		break;
	case OPTION_COUNT:
		quantity_print_count(t, v.integer);
		break;
	case OPTION_SIZE:
		quantity_print_size(t, v.integer);
		break;
	case OPTION_RATE:
		quantity_print_rate(t, v.real);
		break;
	case OPTION_FRACTION:
		quantity_print_fraction(t, v.real);
		break;
	case OPTION_MODE:
		text_put_string(t, v.choice < N_MODES ? modes[v.choice] : "?");
		break;
	case OPTION_ACTION:
		text_put_string(t, v.choice < N_ACTIONS ? actions[v.choice] : "?");
		break;
	case OPTION_STRING:
	case OPTION_LIST:
		text_put(t, v.text, strnlen(v.text, OPTION_TEXT_MAX));
		break;
	}
}

size_t options_print_changed(const struct options *options, char *text, size_t size)
{
	struct text t = {text, size, 0};
	size_t line;
	unsigned i;

	if (size == 0)
		return 0;
	text[0] = '\0';
	for (i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];
		const char *field = (const char *)options + row->offset;

		if (is_default(row, field))
			continue;
		line = t.length;
		text_put_string(&t, row->name);
		text_put_string(&t, "=");
		print_value(&t, row, field);
		text_put_string(&t, "\n");
		if (t.length == line || text[t.length - 1] != '\n') { /* half a line could mean another value */
			text[line] = '\0';
			return line;
		}
	}
	return t.length;
}
