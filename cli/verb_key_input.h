/* cli/verb_key_input.h -- what sceau key is asked, read from its command line and the files that it names. */
#pragma once
#include "cli/common_options.h"
#include "verifier/header_section.h"
#include "verifier/record_question.h"

struct key_input {
    struct record_question question; /* but for its views */
    struct arena *arena;             /* owns what the question points to, with the buffers below */
    struct bytes provider_text, record_text, message_text;
    struct header_section header;
    struct provider_answer provider;
    struct record_paste record;
    struct record_history history[RECORD_HISTORY_MAX];
};

/* Reads everything. False: a sentence was written. Release in any case. input must not be moved. */
bool key_input_read(const struct cli_options *options, int64_t now_s, struct key_input *input);
void key_input_release(struct key_input *input);
