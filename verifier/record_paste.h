/* verifier/record_paste.h -- a record that is not published yet, as a person pastes it: the bare text, its quoted
 * strings, a line of a zone file (TXT or CNAME), or the fields of a panel's form ("Version (v=) : DKIM1"), one a line.
 * Pure but for arena. Spans live in arena or in the text, which must outlive the record. Cost: one pass.
 * Limits: RECORD_PASTE_MAX octets are read. */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/span.h"

enum { RECORD_PASTE_MAX = 64 * 1024 };

enum record_paste_kind {
    RECORD_PASTE_TEXT,
    RECORD_PASTE_STRINGS,
    RECORD_PASTE_ZONE_TXT,
    RECORD_PASTE_ZONE_CNAME,
    RECORD_PASTE_FORM
};

struct record_paste {
    enum record_paste_kind kind;
    struct span owner;   /* a zone file line's, as written; may be empty */
    struct span target;  /* of a CNAME, as written */
    struct span text;    /* the record, its strings joined; empty for a CNAME */
    struct span strings; /* the lengths of its strings, an octet each (255: or more); empty: not cut yet */
    size_t longest;      /* octets of the longest string */
};

/* False: the arena is spent. */
bool record_paste_read(struct span text, struct arena *arena, struct record_paste *out);
