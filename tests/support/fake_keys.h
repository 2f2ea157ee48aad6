/* tests/support/fake_keys.h -- a key_source for tests: records by name, answered at once, late or never. */
#pragma once
#include "verifier/key_source.h"

enum fake_answers { FAKE_AT_ONCE, FAKE_LATE, FAKE_NO_MEMORY };
enum { FAKE_ROWS_MAX = 16 };

struct fake_keys {
    struct key_source source; /* first */
    enum fake_answers answers;
    struct fake_row { const char *name; const char *record[6]; enum dns_status status; enum dnssec_state dnssec; const char *cname; }
        row[FAKE_ROWS_MAX];
    size_t rows;
    struct list waiting;
    unsigned lookups, cancels;
};
void fake_keys_init(struct fake_keys *keys);
/* Adds a name with one record (NULL: none, then status says why). */
struct fake_row *fake_keys_add(struct fake_keys *keys, const char *name, const char *record, enum dns_status status);
/* FAKE_LATE: answers all that waits. */
void fake_keys_answer(struct fake_keys *keys);
