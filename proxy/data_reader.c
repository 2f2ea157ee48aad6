#include "proxy/data_reader.h"
#include <string.h>

/* What came last. The CR behind a dot is held back: it is content only when no LF follows. */
enum state {
    TEXT,       /* inside a line */
    TEXT_CR,    /* CR, handed out already */
    LINE_START, /* CRLF, or nothing yet */
    DOT,        /* the dot at the start of a line, which is never content */
    DOT_CR,     /* CR behind that dot, not handed out */
};

void data_reader_init(struct data_reader *reader) { *reader = (struct data_reader){.state = LINE_START}; }

static void notice(struct data_oddity *oddity, uint64_t offset) {
    if (!oddity->seen) *oddity = (struct data_oddity){true, offset};
}

/* Looks at the line ends of content. line: up to an LF (is_ended) or to the end of what came. */
static void notice_odd(struct data_reader *reader, struct span line, uint64_t offset, bool is_ended) {
    if (is_ended) {
        bool crlf = line.len > 1 ? line.ptr[line.len - 2] == '\r' : reader->state == TEXT_CR;
        if (!crlf) notice(&reader->bare_lf, offset + line.len - 1);
    }
    if (reader->bare_cr.seen || line.len == 0) return;
    if (reader->state == TEXT_CR && line.ptr[0] != '\n') {
        notice(&reader->bare_cr, offset - 1);
        return;
    }
    for (size_t at = 0; at + 1 < line.len; at++) { /* a CR at the very end waits for what follows */
        const char *cr = memchr(line.ptr + at, '\r', line.len - 1 - at);
        if (cr == NULL) return;
        at = (size_t)(cr - line.ptr);
        if (line.ptr[at + 1] != '\n') {
            notice(&reader->bare_cr, offset + at);
            return;
        }
    }
}

/* Length of the run of content at the start of octets: up to a dot at the start of a line. The reader is in TEXT,
 * TEXT_CR, or in LINE_START with another octet than a dot before it. */
static size_t run(struct data_reader *reader, struct span octets) {
    size_t at = 0;
    while (at < octets.len) {
        struct span rest = span_after(octets, at);
        size_t lf = span_find(rest, '\n');
        bool is_ended = lf < rest.len;
        struct span line = span_first(rest, lf + is_ended);
        notice_odd(reader, line, reader->octets + at, is_ended);
        at += line.len;
        if (!is_ended) {
            reader->state = line.ptr[line.len - 1] == '\r' ? TEXT_CR : TEXT;
            break;
        }
        bool crlf = line.len > 1 ? line.ptr[line.len - 2] == '\r' : reader->state == TEXT_CR;
        reader->state = crlf ? LINE_START : TEXT;
        if (crlf && at < octets.len && octets.ptr[at] == '.') break;
    }
    return at;
}

static enum data_progress hand_out(struct data_reader *reader, struct span octets, size_t skipped, size_t *taken,
                                   struct span *content) {
    struct span rest = span_after(octets, skipped);
    size_t len = run(reader, rest);
    if (!reader->nul.seen) {
        const char *nul = memchr(rest.ptr, '\0', len);
        if (nul != NULL) notice(&reader->nul, reader->octets + (uint64_t)(nul - rest.ptr));
    }
    reader->octets += len;
    *taken = skipped + len;
    *content = span_first(rest, len);
    return DATA_RUN;
}

enum data_progress data_reader_next(struct data_reader *reader, struct span octets, size_t *taken,
                                    struct span *content) {
    *content = (struct span){NULL, 0};
    *taken = 0;
    size_t at = 0;
    while (at < octets.len) {
        char c = octets.ptr[at];
        if (reader->state == LINE_START && c == '.') {
            reader->state = DOT;
            at++;
        } else if (reader->state == DOT && c == '\r') {
            reader->state = DOT_CR;
            at++;
        } else if (reader->state == DOT_CR && c == '\n') {
            *taken = at + 1;
            return DATA_END;
        } else if (reader->state == DOT_CR) { /* the CR was content after all; this octet comes back */
            static const char cr = '\r';
            reader->state = TEXT_CR;
            reader->octets++;
            *taken = at;
            *content = (struct span){&cr, 1};
            return DATA_RUN;
        } else {
            if (reader->state == DOT) reader->state = TEXT;
            return hand_out(reader, octets, at, taken, content);
        }
    }
    *taken = at;
    return DATA_MORE;
}
