#include "proxy/message_record.h"

const char *message_end_word(enum message_end end) {
#define X(id, word) [id] = word,
    static const char *const words[] = {MESSAGE_ENDS(X)};
#undef X
    return words[end];
}
