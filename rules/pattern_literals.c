#include "rules/pattern_literals.h"
#include <stdint.h>
#include "base/ascii.h"
#include "rules/pattern.h"

/* A group of a pattern, while it is read: the branch under way, and what the branches before it came to. */
struct group {
    struct pattern_literals best;     /* of the branch: what one of its items requires */
    struct pattern_literals branches; /* of those that are complete, together */
    bool requires_nothing;            /* one of them does not require anything */
    bool is_look_around;              /* it consumes nothing, and may be there to be missing */
};

struct reader {
    struct span text;
    size_t at;
    unsigned flags;
    char run[PATTERN_LITERAL_MAX]; /* literal octets side by side, up to now */
    size_t run_len;                /* may be more than fits: then run is the beginning */
    size_t depth;
    struct group group[PATTERN_NESTING_MAX + 2];
    struct pattern_literals item; /* what the item that a quantifier may follow requires */
};

static struct group *top(struct reader *reader) { return &reader->group[reader->depth]; }

static char peek(const struct reader *reader, size_t offset) {
    return reader->at + offset < reader->text.len ? reader->text.ptr[reader->at + offset] : '\0';
}

static bool starts(const struct reader *reader, const char *words) {
    struct span begin = span_of(words), rest = span_after(reader->text, reader->at);
    return rest.len >= begin.len && memcmp(rest.ptr, begin.ptr, begin.len) == 0;
}

/* -- which literals are best -- */

static size_t shortest(const struct pattern_literals *literals) {
    size_t least = literals->count > 0 ? PATTERN_LITERAL_MAX : 0;
    for (size_t i = 0; i < literals->count; i++)
        if (literals->literal[i].len < least) least = literals->literal[i].len;
    return least;
}

static void take_better(struct group *group, const struct pattern_literals *item) {
    size_t have = shortest(&group->best), offered = shortest(item);
    if (item->count > 0 && (offered > have || (offered == have && item->count < group->best.count)))
        group->best = *item;
}

/* The run ends here: it is one item of the branch. */
static void end_run(struct reader *reader) {
    size_t len = reader->run_len < PATTERN_LITERAL_MAX ? reader->run_len : PATTERN_LITERAL_MAX;
    reader->run_len = 0;
    if (len < PATTERN_LITERAL_MIN) return;
    struct pattern_literals item = {.count = 1, .literal[0].len = len};
    memcpy(item.literal[0].octet, reader->run, len);
    take_better(top(reader), &item);
}

static void end_branch(struct reader *reader) {
    struct group *group = top(reader);
    end_run(reader);
    if (group->best.count == 0 || group->branches.count + group->best.count > PATTERN_LITERALS_MAX)
        group->requires_nothing = true;
    else
        for (size_t i = 0; i < group->best.count; i++)
            group->branches.literal[group->branches.count++] = group->best.literal[i];
    group->best.count = 0;
}

static bool begin_group(struct reader *reader, bool is_look_around) {
    end_run(reader);
    if (reader->depth == PATTERN_NESTING_MAX + 1) return false;
    reader->depth++;
    struct group *group = top(reader);
    group->best.count = group->branches.count = 0;
    group->requires_nothing = false;
    group->is_look_around = is_look_around;
    return true;
}

/* The group becomes the item that a quantifier may follow. */
static bool end_group(struct reader *reader) {
    if (reader->depth == 0) return false;
    end_branch(reader);
    struct group *group = top(reader);
    bool counts = !group->requires_nothing && !group->is_look_around;
    reader->item.count = 0;
    if (counts) reader->item = group->branches;
    reader->depth--;
    return true;
}

/* -- quantifiers -- */

enum repeat { REPEAT_ONCE, REPEAT_OFTEN, REPEAT_PERHAPS, REPEAT_STRANGE };

/* {n}, {n,} and {n,m}; other versions of PCRE2 see quantifiers where this one sees text: strange. */
static enum repeat read_braces(struct reader *reader) {
    size_t i = 1;
    bool is_zero = true;
    for (; ascii_is_digit(peek(reader, i)); i++) is_zero = is_zero && peek(reader, i) == '0';
    if (i == 1) return REPEAT_STRANGE;
    if (peek(reader, i) == ',')
        for (i++; ascii_is_digit(peek(reader, i));) i++;
    if (peek(reader, i) != '}') return REPEAT_STRANGE;
    reader->at += i + 1;
    return is_zero ? REPEAT_PERHAPS : REPEAT_OFTEN;
}

static void skip_ignored(struct reader *reader) {
    if ((reader->flags & PATTERN_EXTENDED) == 0) return;
    while (reader->at < reader->text.len &&
           (ascii_is_space(peek(reader, 0)) || peek(reader, 0) == '\v' || peek(reader, 0) == '\f'))
        reader->at++;
}

static enum repeat read_repeat(struct reader *reader) {
    enum repeat repeat = REPEAT_ONCE;
    skip_ignored(reader);
    switch (peek(reader, 0)) {
    case '*':
    case '?': repeat = REPEAT_PERHAPS, reader->at++; break;
    case '+': repeat = REPEAT_OFTEN, reader->at++; break;
    case '{': repeat = read_braces(reader); break;
    default: return REPEAT_ONCE;
    }
    skip_ignored(reader);
    if (peek(reader, 0) == '+' || peek(reader, 0) == '?') reader->at++; /* possessive, lazy */
    return repeat;
}

/* An item that is no literal octet is complete; item says what it requires. */
static bool finish_item(struct reader *reader) {
    end_run(reader);
    enum repeat repeat = read_repeat(reader);
    if (repeat == REPEAT_STRANGE) return false;
    if (repeat != REPEAT_PERHAPS) take_better(top(reader), &reader->item);
    return true;
}

static bool finish_opaque(struct reader *reader) {
    reader->item.count = 0;
    return finish_item(reader);
}

/* One literal octet, with what follows it. */
static bool finish_octet(struct reader *reader, char c) {
    bool is_beyond = (unsigned char)c >= 0x80;
    /* Some characters beyond ASCII are white space that x ignores, in front of a quantifier too. */
    if (is_beyond && (reader->flags & PATTERN_EXTENDED) != 0) return false;
    /* Characters have relatives of other lengths: k and s as well (U+212A, U+017F). Case may be ignored by (?i) too. */
    bool is_loose =
        (reader->flags & PATTERN_CHARACTERS) != 0 && (is_beyond || ascii_lower(c) == 'k' || ascii_lower(c) == 's');
    if (is_loose || c == '\0' || ascii_is_space(c)) return finish_opaque(reader);
    enum repeat repeat = read_repeat(reader);
    if (repeat == REPEAT_STRANGE) return false;
    if (repeat != REPEAT_PERHAPS) {
        if (reader->run_len < PATTERN_LITERAL_MAX) reader->run[reader->run_len] = ascii_lower(c);
        reader->run_len++;
    }
    if (repeat != REPEAT_ONCE) end_run(reader);
    return true;
}

/* -- items -- */

static bool skip_braced(struct reader *reader) {
    if (peek(reader, 0) != '{') return true;
    size_t end = span_find(span_after(reader->text, reader->at), '}');
    if (reader->at + end == reader->text.len) return false;
    reader->at += end + 1;
    return true;
}

static bool read_escape(struct reader *reader) {
    char c = peek(reader, 1);
    if (reader->at + 1 >= reader->text.len) return false;
    reader->at += 2;
    if ((unsigned char)c >= 0x80 || !ascii_is_alnum(c)) return finish_octet(reader, c);
    switch (c) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
    case 's':
    case 'S':
    case 'h':
    case 'H':
    case 'v':
    case 'V':
    case 'R':
    case 'X':
    case 'n':
    case 'r':
    case 't':
    case 'f':
    case 'e':
    case 'a':
    case 'b':
    case 'B':
    case 'A':
    case 'z':
    case 'Z':
    case 'G': return finish_opaque(reader);
    case 'N': return peek(reader, 0) != '{' && finish_opaque(reader);
    case 'p':
    case 'P':
        if (peek(reader, 0) != '{') reader->at++;
        return skip_braced(reader) && finish_opaque(reader);
    case 'x':
        if (peek(reader, 0) == '{') return skip_braced(reader) && finish_opaque(reader);
        for (int i = 0; i < 2 && ascii_hex_value(peek(reader, 0)) >= 0 && reader->at < reader->text.len; i++)
            reader->at++;
        return finish_opaque(reader);
    default: return false;
    }
}

static bool read_class(struct reader *reader) {
    struct span rest = span_after(reader->text, reader->at);
    size_t i = peek(reader, 1) == '^' ? 2 : 1;
    if (peek(reader, i) == ']') i++; /* the first one is a member */
    for (; i < rest.len && rest.ptr[i] != ']'; i++) {
        if (rest.ptr[i] == '[' && i + 1 < rest.len &&
            (rest.ptr[i + 1] == ':' || rest.ptr[i + 1] == '.' || rest.ptr[i + 1] == '=')) {
            size_t start = i;
            while (i < rest.len && rest.ptr[i] != ']') i++; /* [:alpha:]; never [:a]b:] nor [:] */
            if (rest.ptr[i - 1] != ':' || i - 2 == start) return false;
        } else if (rest.ptr[i] == '\\') {
            i++;
            if (i < rest.len && (rest.ptr[i] == 'Q' || rest.ptr[i] == 'E')) return false;
        }
    }
    if (i >= rest.len) return false;
    reader->at += i + 1;
    return finish_opaque(reader);
}

/* (?i) and (?i: change nothing here; x does, so it is not among them. True: read up to and without the ')' or ':'. */
static bool skip_settings(struct reader *reader) {
    size_t i = 2;
    while (peek(reader, i) == 'i' || peek(reader, i) == 'm' || peek(reader, i) == 's' || peek(reader, i) == '-') i++;
    if (i == 2 || (peek(reader, i) != ')' && peek(reader, i) != ':')) return false;
    reader->at += i;
    return true;
}

/* The name of a group: <q>, 'q', P<q>, behind "(?". */
static bool skip_name(struct reader *reader) {
    size_t i = peek(reader, 2) == 'P' ? 3 : 2;
    char end = peek(reader, i) == '<' ? '>' : peek(reader, i) == '\'' && i == 2 ? '\'' : '\0';
    if (end == '\0') return false;
    for (i++; ascii_is_alnum(peek(reader, i)) || peek(reader, i) == '_';) i++;
    if (peek(reader, i) != end) return false;
    reader->at += i + 1;
    return true;
}

static bool read_open(struct reader *reader) {
    static const char *const look_around[] = {"(?=", "(?!", "(?<=", "(?<!"};
    if (peek(reader, 1) == '*') return false; /* verbs */
    if (peek(reader, 1) != '?') return reader->at++, begin_group(reader, false);
    for (size_t i = 0; i < sizeof look_around / sizeof *look_around; i++)
        if (starts(reader, look_around[i])) return reader->at += strlen(look_around[i]), begin_group(reader, true);
    if (starts(reader, "(?:") || starts(reader, "(?>")) return reader->at += 3, begin_group(reader, false);
    if (skip_name(reader)) return begin_group(reader, false);
    if (!skip_settings(reader)) return false;
    if (peek(reader, 0) == ':') return reader->at++, begin_group(reader, false);
    return reader->at++, true; /* (?i) is no item: what stands on both sides of it is side by side */
}

static bool read_item(struct reader *reader) {
    char c = peek(reader, 0);
    switch (c) {
    case '(': return read_open(reader);
    case ')': return reader->at++, end_group(reader) && finish_item(reader);
    case '|': return reader->at++, end_branch(reader), true;
    case '[': return read_class(reader);
    case '\\': return read_escape(reader);
    case '.':
    case '^':
    case '$': return reader->at++, finish_opaque(reader);
    case '*':
    case '+':
    case '?':
    case '{': return false;
    case '#':
        if ((reader->flags & PATTERN_EXTENDED) != 0) return false;
        break;
    default: break;
    }
    return reader->at++, finish_octet(reader, c);
}

void pattern_literals_find(struct span text, unsigned flags, struct pattern_literals *out) {
    struct reader reader;
    out->count = 0;
    reader.text = text;
    reader.flags = flags;
    reader.at = reader.run_len = reader.depth = 0;
    reader.item.count = 0;
    reader.group[0].best.count = reader.group[0].branches.count = 0;
    reader.group[0].requires_nothing = reader.group[0].is_look_around = false;
    for (skip_ignored(&reader); reader.at < text.len; skip_ignored(&reader))
        if (!read_item(&reader)) return;
    end_branch(&reader);
    if (reader.depth > 0 || reader.group[0].requires_nothing) return;
    *out = reader.group[0].branches;
}
