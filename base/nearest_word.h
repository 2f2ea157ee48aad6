/* base/nearest_word.h -- "did you mean": the known word that is nearest to a mistyped one.
 * Nearest by Levenshtein's distance: letters changed, added or dropped. Pure: no allocation, I/O, clock or lock.
 * Limits: known words of 63 octets, longer ones are never near. */
#pragma once
#include <stddef.h>

/* The one of count words that is nearest to word, the first of several; NULL when more than half of word would have to
 * change for any of them. */
const char *nearest_word(const char *word, const char *const *words, size_t count);
