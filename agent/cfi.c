/*
 * Rules from call frame information. See cfi.h.
 */
#include "agent/cfi.h"
#include <string.h>

#define REG_BP 6u
#define REG_SP 7u
#define REG_RA 16u
#define REMEMBERED 4u /* states within states; compilers use one */

enum encoding {
	ENCODING_SDATA4 = 0x0b,
	ENCODING_UDATA4 = 0x03,
	ENCODING_PCREL = 0x10,
	ENCODING_DATAREL = 0x30,
};

/* Bytes that may be read; bad: something was not as it should be, what was read since is nothing. */
struct reader {
	const unsigned char *p, *end;
	bool bad;
};

/* Where a register of the caller is. */
enum place { PLACE_SAME = 0, PLACE_SAVED, PLACE_UNDEFINED, PLACE_OTHER };
struct saved {
	enum place place;
	int64_t offset; /* from the CFA, where saved */
};

/* A row of the table: what holds at one pc. */
struct row {
	uint64_t cfa_register;
	int64_t cfa_offset;
	struct saved bp, ra;
};

struct table {
	uint64_t code_align;
	int64_t data_align;
	uintptr_t pc, target;
	struct row row, initial;
	struct row remembered[REMEMBERED];
	unsigned n_remembered;
};

static uint64_t get(struct reader *r, unsigned size)
{
	uint64_t value = 0;

	if ((size_t)(r->end - r->p) < size) {
		r->bad = true;
		r->p = r->end;
		return 0;
	}
	memcpy(&value, r->p, size);
	r->p += size;
	return value;
}

/* A number of seven bits a byte, the lowest first; *last is the byte that ended it, *bits how many there were. */
static uint64_t get_leb(struct reader *r, uint64_t *last, unsigned *bits)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = get(r, 1);
		if (shift >= 63)
			r->bad = true;
		else
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && !r->bad);
	*last = byte;
	*bits = shift;
	return value;
}

static uint64_t get_long_uleb(struct reader *r)
{
	uint64_t last;
	unsigned bits;

	return get_leb(r, &last, &bits);
}

/* Nearly all are of one byte. */
guard_inline uint64_t get_uleb(struct reader *r)
{
	return likely(r->p < r->end && *r->p < 0x80) ? *r->p++ : get_long_uleb(r);
}

static int64_t get_sleb(struct reader *r)
{
	uint64_t last, value;
	unsigned bits;

	value = get_leb(r, &last, &bits);
	if (last & 0x40 && bits < 64)
		value |= ~UINT64_C(0) << bits;
	return (int64_t)value;
}

static void skip(struct reader *r, uint64_t n)
{
	if ((uint64_t)(r->end - r->p) < n)
		r->bad = true;
	else
		r->p += n;
}

/* An entry's bytes behind its length. */
static struct reader entry_at(const struct module *module, uintptr_t at)
{
	struct reader r = {NULL, NULL, true};
	uint64_t length;

	if (at < module->start || at >= module->end)
		return r;
	r = (struct reader){(const unsigned char *)at, (const unsigned char *)module->end, false};
	length = get(&r, 4);
	if (!length || length == UINT32_MAX || length > (uint64_t)(r.end - r.p))
		r.bad = true;
	else
		r.end = r.p + length;
	return r;
}

/* The FDE of the function that this pc may be in: the last one that begins at it or before; 0: none. */
static uintptr_t find_fde(const struct module *module, uintptr_t pc)
{
	const unsigned char *header = module->eh_frame_header, *pairs = header + 12;
	int64_t wanted = (int64_t)(pc - (uintptr_t)header);
	uint32_t n, low = 0, high;
	int32_t pair[2];

	if (header[0] != 1 || header[2] != ENCODING_UDATA4 || header[3] != (ENCODING_DATAREL | ENCODING_SDATA4))
		return 0;
	memcpy(&n, header + 8, sizeof(n));
	if (!n || (uint64_t)n * 8 > module->end - (uintptr_t)pairs)
		return 0;
	for (high = n; high - low > 1;) {
		uint32_t middle = low + (high - low) / 2;

		memcpy(pair, pairs + (uint64_t)middle * 8, 4);
		if (pair[0] <= wanted)
			low = middle;
		else
			high = middle;
	}
	memcpy(pair, pairs + (uint64_t)low * 8, 8);
	return pair[0] <= wanted ? (uintptr_t)header + (uintptr_t)(intptr_t)pair[1] : 0;
}

/* What a CIE's augmentation string tells of its FDEs. False: something that is not known here. */
static bool augmentation(struct reader *r, const char *string, uint8_t *encoding)
{
	uint64_t pointer;

	for (; *string && !r->bad; string++) {
		switch (*string) {
		case 'R':
			*encoding = (uint8_t)get(r, 1);
			break;
		case 'L':
			get(r, 1);
			break;
		case 'P':
			pointer = get(r, 1);
			if ((pointer & 0x0f) == ENCODING_SDATA4 || (pointer & 0x0f) == ENCODING_UDATA4)
				skip(r, 4);
			else if ((pointer & 0x07) == 0 || (pointer & 0x07) == 4)
				skip(r, 8);
			else
				return false;
			break;
		default: /* 'S': a signal frame */
			return false;
		}
	}
	return !r->bad;
}

/* Reads the CIE; r becomes its initial instructions. */
static bool read_cie(struct reader *r, struct table *table, uint8_t *encoding)
{
	const char *string;
	uint64_t id = get(r, 4), version = get(r, 1), length;
	struct reader more;

	string = (const char *)r->p;
	if (r->bad || id != 0 || (version != 1 && version != 3) || !memchr(r->p, 0, (size_t)(r->end - r->p)) ||
	    *string++ != 'z')
		return false;
	skip(r, strlen(string) + 2);
	table->code_align = get_uleb(r);
	table->data_align = get_sleb(r);
	if ((version == 1 ? get(r, 1) : get_uleb(r)) != REG_RA)
		return false;
	length = get_uleb(r);
	more = *r;
	skip(r, length);
	if (r->bad)
		return false;
	more.end = r->p;
	return augmentation(&more, string, encoding);
}

/* Of the other registers nobody asks. */
guard_inline void set(struct table *t, uint64_t reg, enum place place, int64_t offset)
{
	if (reg == REG_BP)
		t->row.bp = (struct saved){place, offset};
	else if (reg == REG_RA)
		t->row.ra = (struct saved){place, offset};
}

guard_inline void restore(struct table *t, uint64_t reg)
{
	if (reg == REG_BP)
		t->row.bp = t->initial.bp;
	else if (reg == REG_RA)
		t->row.ra = t->initial.ra;
}

guard_inline void advance(struct table *t, uint64_t delta)
{
	t->pc += delta * t->code_align;
}

static void skip_block(struct reader *r)
{
	skip(r, get_uleb(r));
}

/* An instruction whose operation is in the low six bits. False: not known here. */
static bool run_extended(struct reader *r, struct table *t, uint64_t op)
{
	uint64_t reg;

	switch (op) {
	case 0x00: /* nop */
		return true;
	case 0x02: /* advance_loc1, 2, 4 */
	case 0x03:
	case 0x04:
		advance(t, get(r, 1u << (op - 2)));
		return true;
	case 0x05: /* offset_extended */
		reg = get_uleb(r);
		set(t, reg, PLACE_SAVED, (int64_t)get_uleb(r) * t->data_align);
		return true;
	case 0x06: /* restore_extended */
		restore(t, get_uleb(r));
		return true;
	case 0x07: /* undefined, same_value */
	case 0x08:
		set(t, get_uleb(r), op == 0x07 ? PLACE_UNDEFINED : PLACE_SAME, 0);
		return true;
	case 0x09: /* register */
		set(t, get_uleb(r), PLACE_OTHER, 0);
		get_uleb(r);
		return true;
	case 0x0a: /* remember_state */
		if (t->n_remembered == REMEMBERED)
			return false;
		t->remembered[t->n_remembered++] = t->row;
		return true;
	case 0x0b: /* restore_state */
		if (!t->n_remembered)
			return false;
		t->row = t->remembered[--t->n_remembered];
		return true;
	case 0x0c: /* def_cfa */
		t->row.cfa_register = get_uleb(r);
		t->row.cfa_offset = (int64_t)get_uleb(r);
		return true;
	case 0x0d: /* def_cfa_register */
		t->row.cfa_register = get_uleb(r);
		return true;
	case 0x0f: /* def_cfa_expression */
		t->row.cfa_register = UINT64_MAX;
		skip_block(r);
		return true;
	case 0x10: /* expression */
	case 0x16: /* val_expression */
		set(t, get_uleb(r), PLACE_OTHER, 0);
		skip_block(r);
		return true;
	case 0x2e: /* GNU_args_size */
		get_uleb(r);
		return true;
	default:
		return false;
	}
}

/* Runs the instructions up to the row of the target. False: one of them is not known here. */
static bool run(struct reader *r, struct table *t)
{
	uint64_t op;

	while (r->p < r->end && !r->bad && t->pc <= t->target) {
		op = *r->p++;
		if (op >> 6 == 1)
			advance(t, op & 0x3f);
		else if (op >> 6 == 2)
			set(t, op & 0x3f, PLACE_SAVED, (int64_t)get_uleb(r) * t->data_align);
		else if (op >> 6 == 3)
			restore(t, op & 0x3f);
		else if (op == 0x0e) /* def_cfa_offset, the most frequent of the others */
			t->row.cfa_offset = (int64_t)get_uleb(r);
		else if (!run_extended(r, t, op))
			return false;
	}
	return !r->bad;
}

/* The row as a rule. False: not one that there is. */
static bool answer(const struct row *row, struct rule *rule)
{
	if (row->ra.place == PLACE_UNDEFINED) {
		rule->kind = RULE_END;
		return true;
	}
	if (row->ra.place != PLACE_SAVED || row->ra.offset != -8 || row->cfa_offset % 8 ||
	    row->cfa_offset != (int32_t)row->cfa_offset || (row->cfa_register != REG_SP && row->cfa_register != REG_BP))
		return false;
	if (row->bp.place == PLACE_SAVED) {
		if (row->bp.offset >= 0 || row->bp.offset < INT16_MIN || row->bp.offset % 8)
			return false;
		rule->saved_bp = (int16_t)row->bp.offset;
	} else if (row->bp.place != PLACE_SAME) {
		return false;
	}
	rule->kind = row->cfa_register == REG_SP ? RULE_SP : RULE_BP;
	rule->cfa = (int32_t)row->cfa_offset;
	return true;
}

bool cfi_learn(struct rule *rule, const struct module *module)
{
	struct table t = {.target = rule->pc - 1}; /* the call, not what follows it */
	uintptr_t fde = module->eh_frame_header ? find_fde(module, t.target) : 0, id;
	struct reader r, cie;
	uint8_t encoding = 0;
	uint64_t range;

	if (!fde)
		return false;
	r = entry_at(module, fde);
	id = (uintptr_t)r.p;
	cie = entry_at(module, id - (uintptr_t)get(&r, 4));
	if (r.bad || cie.bad || !read_cie(&cie, &t, &encoding) || encoding != (ENCODING_PCREL | ENCODING_SDATA4))
		return false;
	t.pc = (uintptr_t)r.p + (uintptr_t)(int64_t)(int32_t)get(&r, 4);
	range = get(&r, 4);
	skip(&r, get_uleb(&r));
	if (r.bad || t.target < t.pc || t.target - t.pc >= range)
		return false;
	range = t.pc;
	t.pc = 0; /* of the CIE's instructions all count */
	if (!run(&cie, &t))
		return false;
	t.pc = range;
	t.initial = t.row;
	return run(&r, &t) && answer(&t.row, rule);
}
