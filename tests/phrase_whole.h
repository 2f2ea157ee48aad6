/* tests/phrase_whole.h -- for unit tests (cmocka included before): a sentence exists in both languages, with the same
 * places. */
#pragma once
#include <string.h>
#include "verifier/phrase.h"

static inline void phrase_expect_whole(const struct phrase *phrase, const char *what) {
    const char *en = phrase->text[LANGUAGE_EN], *fr = phrase->text[LANGUAGE_FR];
    if (en == NULL || fr == NULL) fail_msg("%s: a language is missing", what);
    if ((en[0] == '\0') != (fr[0] == '\0')) fail_msg("%s: said in one language only", what);
    for (int side = 0; side < 2; side++) {
        const char *here = side == 0 ? en : fr, *there = side == 0 ? fr : en;
        for (const char *open = strchr(here, '{'); open != NULL; open = strchr(open + 1, '{')) {
            char place[32] = "";
            size_t len = (size_t)(strchr(open, '}') - open) + 1;
            assert_true(len < sizeof place);
            memcpy(place, open, len);
            if (strstr(there, place) == NULL) fail_msg("%s: %s in one language only", what, place);
        }
    }
}
