/*
 * JSON values -- see json_value.h.
 */
#include "analyzer/json_value.h"
#include "analyzer/words.h"
#include "detector/reason.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NUMBER_MOST 1e300 /* near the end of the range, what is rounded to be printed cannot be read any more */

json_t *json_size(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

json_t *json_number(double value)
{
	return json_real(fabs(value) <= NUMBER_MOST ? value : 0.0);
}

json_t *json_text(const char *value)
{
	char *clean = value ? clean_text(value, false) : NULL;
	json_t *json = value ? json_string(clean) : json_null();

	free(clean);
	return json;
}

json_t *json_text_or_null(const char *value)
{
	return json_text(value && value[0] ? value : NULL);
}

json_t *json_build_id(const struct module *module)
{
	char hex[2 * sizeof(module->wire.build_id) + 1] = "";
	size_t length = module->wire.build_id_length;

	if (length > sizeof(module->wire.build_id))
		length = sizeof(module->wire.build_id);
	for (size_t i = 0; i < length; i++)
		snprintf(hex + 2 * i, 3, "%02x", module->wire.build_id[i]);
	return json_text_or_null(hex);
}

json_t *json_reasons(const struct wire_reason *reasons, unsigned n)
{
	json_t *array = json_array();
	char sentence[512];

	for (unsigned i = 0; i < n && reasons[i].code; i++) {
		sentence[0] = '\0';
		reason_text(&reasons[i], sentence, sizeof(sentence));
		if (sentence[0])
			json_array_append_new(array, json_text(sentence));
	}
	return array;
}

int json_put_number(FILE *out, double value)
{
	json_t *json;
	int r;

	if (value == 0) { /* nearly all are */
		fputs("0.0", out);
		return 0;
	}
	json = json_number(value);
	r = json ? json_dumpf(json, out, JSON_STYLE | JSON_ENCODE_ANY) : -1;
	json_decref(json);
	return r < 0 && !ferror(out) ? -ENOMEM : 0;
}

int json_put_members(FILE *out, json_t *object)
{
	int r = object ? json_dumpf(object, out, JSON_STYLE | JSON_EMBED) : -1;

	json_decref(object);
	return r < 0 && !ferror(out) ? -ENOMEM : 0;
}
