#include "base/nearest_word.h"
#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* One row of the matrix at a time: row[k] is the distance of what was read of a to the first k letters of b. */
static size_t distance(const char *a, const char *b) {
    size_t row[WORD_MAX], len = strlen(b);
    if (len >= WORD_MAX) return SIZE_MAX;
    for (size_t k = 0; k <= len; k++) row[k] = k;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t k = 1; k <= len; k++) {
            size_t above = row[k];
            row[k] = least(least(above, row[k - 1]) + 1, diagonal + (a[i] != b[k - 1]));
            diagonal = above;
        }
    }
    return row[len];
}

const char *nearest_word(const char *word, const char *const *words, size_t count) {
    const char *nearest = NULL;
    size_t bound = strlen(word) / 2 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t far = distance(word, words[i]);
        if (far >= bound) continue;
        bound = far;
        nearest = words[i];
    }
    return nearest;
}
