/* base/json_fault.h -- where a text stops being JSON (RFC 8259), and how: for texts that people paste.
 * Says nothing about what the text means. Several values one after the other are let pass, as in lines of JSON.
 * Pure: no allocation, no recursion; one pass. Limits: JSON_FAULT_DEPTH_MAX levels, deeper is JSON_FAULT_OTHER. */
#pragma once
#include "base/span.h"

enum { JSON_FAULT_DEPTH_MAX = 64 };

enum json_fault {
    JSON_FAULT_NONE,      /* it is JSON */
    JSON_FAULT_COMMA,     /* a comma is missing between two members */
    JSON_FAULT_BARE_WORD, /* a name or value without quotes */
    JSON_FAULT_OTHER,
};

/* *line: the line of the fault, counted from 1 (of a missing comma: where it should stand); 0 on JSON_FAULT_NONE. */
enum json_fault json_fault_find(struct span text, size_t *line);
