/*
 * Debug information -- see debuginfo.h.
 */
#include "analyzer/debuginfo.h"
#include "analyzer/ranges.h"
#include <dwarf.h>
#include <stdlib.h>

#define NESTING_MAX 48 /* scopes inside each other; deeper ones are not looked into */

struct unit {
	Dwarf_CU *cu;
	bool indexed;
	Dwarf_Die lines;	 /* holds the line table: the skeleton of a split unit */
	Dwarf_Die *functions;	 /* those with code */
	struct ranges addresses; /* into functions */
	size_t n_functions, n_allocated;
};

struct debuginfo {
	struct unit *units;
	size_t n_units, n_allocated;
	struct ranges addresses; /* into units */
};

static bool add_die_ranges(struct ranges *ranges, Dwarf_Die *die, uint32_t index)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;

	while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0)
		if (!ranges_add(ranges, low, high, index))
			return false;
	return true;
}

static bool add_unit(struct debuginfo *info, Dwarf_CU *cu, Dwarf_Die *die)
{
	if (info->n_units == info->n_allocated) {
		size_t n = info->n_allocated ? info->n_allocated * 2 : 32;
		struct unit *units = reallocarray(info->units, n, sizeof(*units));

		if (!units)
			return false;
		info->units = units;
		info->n_allocated = n;
	}
	info->units[info->n_units] = (struct unit){.cu = cu, .lines = *die};
	return add_die_ranges(&info->addresses, die, info->n_units++);
}

struct debuginfo *debuginfo_new(Dwarf *dwarf)
{
	struct debuginfo *info = calloc(1, sizeof(*info));
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;

	if (!info)
		return NULL;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (!add_unit(info, cu, &die)) {
			debuginfo_free(info);
			return NULL;
		}
	}
	ranges_sort(&info->addresses);
	return info;
}

void debuginfo_free(struct debuginfo *info)
{
	if (!info)
		return;
	for (size_t i = 0; i < info->n_units; i++) {
		free(info->units[i].functions);
		ranges_fini(&info->units[i].addresses);
	}
	free(info->units);
	ranges_fini(&info->addresses);
	free(info);
}

static bool add_function(struct unit *unit, Dwarf_Die *die)
{
	size_t n_before = unit->addresses.n;

	if (unit->n_functions == unit->n_allocated) {
		size_t n = unit->n_allocated ? unit->n_allocated * 2 : 32;
		Dwarf_Die *functions = reallocarray(unit->functions, n, sizeof(*functions));

		if (!functions)
			return false;
		unit->functions = functions;
		unit->n_allocated = n;
	}
	if (!add_die_ranges(&unit->addresses, die, unit->n_functions))
		return false;
	if (unit->addresses.n > n_before)
		unit->functions[unit->n_functions++] = *die;
	return true;
}

/* Functions may lie in namespaces, types and other functions; inlined calls hold none. */
static bool index_scope(struct unit *unit, Dwarf_Die *scope, unsigned depth)
{
	Dwarf_Die die;

	if (depth > NESTING_MAX || dwarf_child(scope, &die) != 0)
		return true;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			if (!add_function(unit, &die))
				return false;
			/* fallthrough */
		case DW_TAG_lexical_block:
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
			if (!index_scope(unit, &die, depth + 1))
				return false;
			break;
		default:
			break;
		}
	} while (dwarf_siblingof(&die, &die) == 0);
	return true;
}

static void index_unit(struct unit *unit)
{
	Dwarf_Die die = unit->lines, split;
	uint8_t type;

	unit->indexed = true;
	if (dwarf_cu_info(unit->cu, NULL, &type, NULL, &split, NULL, NULL, NULL) == 0 && type == DW_UT_skeleton &&
	    dwarf_tag(&split) != DW_TAG_invalid)
		die = split;
	/* Out of memory: the functions found so far, which are enough to go on. */
	(void)index_scope(unit, &die, 0);
	ranges_sort(&unit->addresses);
}

static bool holds_code(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
		return true;
	default:
		return false;
	}
}

/* The inlined calls around the address, outermost first, after the function itself at chain[0]. */
static unsigned inlined_chain(Dwarf_Die *function, uint64_t address, Dwarf_Die chain[DEBUGINFO_FRAMES])
{
	Dwarf_Die scope = *function, die;
	unsigned n = 1, depth = 0;

	chain[0] = *function;
	while (depth++ < 4 * NESTING_MAX && n < DEBUGINFO_FRAMES && dwarf_child(&scope, &die) == 0) {
		bool found = false;

		do {
			found = holds_code(&die) && dwarf_haspc(&die, address) > 0;
		} while (!found && dwarf_siblingof(&die, &die) == 0);
		if (!found)
			break;
		if (dwarf_tag(&die) == DW_TAG_inlined_subroutine)
			chain[n++] = die;
		scope = die;
	}
	return n;
}

static const char *linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));

	return name ? name : dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute));
}

static const char *compilation_directory(Dwarf_Die *unit)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
}

static uint64_t number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value = 0;

	if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0)
		return 0;
	return value;
}

static void name_call(Dwarf_Die *unit, Dwarf_Die *call, struct source_frame *frame)
{
	Dwarf_Files *files;
	size_t n_files;

	if (!dwarf_hasattr(call, DW_AT_call_file) || dwarf_getsrcfiles(unit, &files, &n_files) != 0)
		return;
	frame->file = dwarf_filesrc(files, number(call, DW_AT_call_file), NULL, NULL);
	frame->line = number(call, DW_AT_call_line);
}

static void name_line(struct unit *unit, uint64_t address, struct source_frame *frame)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->lines, address);
	int number_of_line = 0;

	if (!line)
		return;
	frame->file = dwarf_linesrc(line, NULL, NULL);
	if (dwarf_lineno(line, &number_of_line) == 0 && number_of_line > 0)
		frame->line = number_of_line;
}

unsigned debuginfo_find(struct debuginfo *info, uint64_t address, struct source_frame frames[DEBUGINFO_FRAMES])
{
	const struct range *range = ranges_find(&info->addresses, address);
	Dwarf_Die chain[DEBUGINFO_FRAMES], unit_die;
	struct unit *unit;
	unsigned n;

	if (!range)
		return 0;
	unit = &info->units[range->index];
	if (!unit->indexed)
		index_unit(unit);
	frames[0] = (struct source_frame){.directory = compilation_directory(&unit->lines)};
	name_line(unit, address, &frames[0]);
	range = ranges_find(&unit->addresses, address);
	if (!range)
		return 1;
	n = inlined_chain(&unit->functions[range->index], address, chain);
	if (!dwarf_diecu(&chain[0], &unit_die, NULL, NULL))
		unit_die = unit->lines;
	for (unsigned i = 0; i < n; i++) {
		Dwarf_Die *die = &chain[n - 1 - i];

		if (i > 0)
			frames[i] = (struct source_frame){.directory = frames[0].directory};
		frames[i].name = dwarf_diename(die);
		frames[i].linkage = linkage_name(die);
		frames[i].inlined = i < n - 1;
		if (i > 0)
			name_call(&unit_die, &chain[n - i], &frames[i]);
	}
	(void)dwarf_entrypc(&chain[0], &frames[n - 1].entry);
	return n;
}
