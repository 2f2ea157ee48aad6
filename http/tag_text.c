#include "http/tag_text.h"

const struct tag_text tag_texts[] = {
#define TAG_TEXT(list, tag, en, fr) {TAG_TEXT_##list, tag, {{[LANGUAGE_EN] = en, [LANGUAGE_FR] = fr}}},
#include "http/tag_texts.def"
#undef TAG_TEXT
};
const size_t tag_text_count = sizeof tag_texts / sizeof *tag_texts;

const struct tag_text *tag_text_find(enum tag_text_list list, struct span tag) {
    for (size_t i = 0; i < tag_text_count; i++)
        if (tag_texts[i].list == list && span_is(tag, tag_texts[i].tag)) return &tag_texts[i];
    return NULL;
}

const char *tag_text_list_word(enum tag_text_list list) {
    static const char *const words[] = {
        [TAG_TEXT_SIGNATURE] = "signature", [TAG_TEXT_KEY] = "key", [TAG_TEXT_ARC] = "arc",
        [TAG_TEXT_SPF] = "spf",             [TAG_TEXT_DMARC] = "dmarc"};
    return words[list];
}
