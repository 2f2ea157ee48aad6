/* http/tag_text.h -- what each tag of a signature or record means, in French and English (tag_texts.def). Pure. */
#pragma once
#include "base/span.h"
#include "verifier/phrase.h"

enum tag_text_list { TAG_TEXT_SIGNATURE, TAG_TEXT_KEY, TAG_TEXT_ARC, TAG_TEXT_SPF, TAG_TEXT_DMARC, TAG_TEXT_LISTS };

struct tag_text {
    enum tag_text_list list;
    const char *tag;
    struct phrase text;
};
extern const struct tag_text tag_texts[];
extern const size_t tag_text_count;

const struct tag_text *tag_text_find(enum tag_text_list list, struct span tag); /* NULL: no standard defines it */
const char *
tag_text_list_word(enum tag_text_list list); /* "signature", "key", "arc", "spf", "dmarc": in anchors, "tag-key-p" */
