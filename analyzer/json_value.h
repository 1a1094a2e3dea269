/*
 * JSON values -- from what frames say to what any JSON reader takes: finite numbers, valid UTF-8.
 *
 * All return a new reference, NULL when out of memory; json_pack's "o" takes it over either way.
 */
#pragma once
#include "analyzer/model.h"
#include <jansson.h>
#include <stdio.h>

#define JSON_STYLE (JSON_COMPACT | JSON_REAL_PRECISION(15))

json_t *json_size(uint64_t value);				     /* INT64_MAX at the most */
json_t *json_number(double value);				     /* beyond 1e300, or not a number: 0 */
json_t *json_text(const char *value);				     /* NULL: null */
json_t *json_text_or_null(const char *value);			     /* NULL or empty: null */
json_t *json_reasons(const struct wire_reason *reasons, unsigned n); /* sentences */
json_t *json_build_id(const struct module *module);
/* Writes the number alone. 0 or -ENOMEM. */
int json_put_number(FILE *out, double value);
/* Writes the members of an object, without its braces. Takes the object over. 0 or -ENOMEM. */
int json_put_members(FILE *out, json_t *object);
