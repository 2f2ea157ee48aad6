#include "verifier/body_rewrite.h"
#include "base/ascii.h"
#include "verifier/link_rewriter.h"
#include "verifier/mime_coding.h"

/* What a row works on. */
struct job {
    struct span body;
    const struct mime_tree *tree;
    size_t only; /* leaf that is rewritten; tree->count: all that can be */
    struct bytes *out;
    struct body_rewrite *what;
};

static bool is_crlf(struct span text) { return text.len >= 2 && text.ptr[0] == '\r' && text.ptr[1] == '\n'; }

/* Octets of the first line with its CRLF. */
static size_t line_octets(struct span text) {
    size_t at = 0;
    while (at < text.len) {
        at += span_find(span_after(text, at), '\n');
        if (at < text.len && at > 0 && text.ptr[at - 1] == '\r') return at + 1;
        if (at < text.len) at++;
    }
    return text.len;
}

static struct span without_crlf(struct span line) {
    return line.len >= 2 && is_crlf(span_after(line, line.len - 2)) ? span_first(line, line.len - 2) : line;
}

/* ---- Line ends ---- */

/* Copies up to the next c, which stays in *rest; false: there is none, and all was copied. */
static bool copy_until(struct span *rest, char c, struct bytes *out) {
    size_t plain = span_find(*rest, c);
    bytes_append(out, span_first(*rest, plain));
    *rest = span_after(*rest, plain);
    return rest->len > 0;
}

static bool from_lf(const struct job *job, int unused) {
    (void)unused;
    for (struct span rest = job->body; copy_until(&rest, '\n', job->out); rest = span_after(rest, 1)) {
        bool is_bare = rest.ptr == job->body.ptr || rest.ptr[-1] != '\r';
        bytes_append_text(job->out, is_bare ? "\r\n" : "\n");
    }
    return true;
}

static bool from_bare_cr(const struct job *job, int unused) {
    (void)unused;
    for (struct span rest = job->body; copy_until(&rest, '\r', job->out); rest = span_after(rest, 1))
        bytes_append_text(job->out, is_crlf(rest) ? "\r" : "\r\n");
    return true;
}

static bool from_cr_crlf(const struct job *job, int unused) {
    (void)unused;
    for (struct span rest = job->body; copy_until(&rest, '\r', job->out); rest = span_after(rest, 1))
        if (rest.len == 1 || rest.ptr[1] != '\r') bytes_append_char(job->out, '\r');
    return true;
}

static bool from_doubled(const struct job *job, int unused) {
    (void)unused;
    struct span rest = job->body;
    while (rest.len > 0) {
        size_t len = line_octets(rest);
        bytes_append(job->out, span_first(rest, len));
        rest = span_after(rest, len);
        if (!is_crlf(rest) && rest.len > 0) return false;
        rest = span_after(rest, rest.len > 0 ? 2 : 0);
    }
    return true;
}

/* Where a text was hashed with LF line ends, or with the CR of each line alone. */
static bool to_single(const struct job *job, int kept) {
    for (struct span rest = job->body; copy_until(&rest, '\r', job->out);) {
        bytes_append_char(job->out, is_crlf(rest) ? (char)kept : '\r');
        rest = span_after(rest, is_crlf(rest) ? 2 : 1);
    }
    return true;
}

/* ---- Line by line ---- */

enum line_change {
    DOTS_UNDOUBLED,
    DOTS_DOUBLED,
    FROM_UNESCAPED,
    FROM_UNESCAPED_ALL,
    DASHES_WITH_BLANK,
    FLOWED_WITH_BLANK,
    BLANKS_STRIPPED,
    TABS_FROM_EIGHT,
    TABS_FROM_FOUR,
    TABS_TO_EIGHT,
    TABS_TO_FOUR,
    TABS_TO_ONE,
    BLANK_LINES_STRIPPED
};

static void replace_all(struct span line, const char *from, const char *to, struct bytes *out) {
    size_t len = strlen(from);
    while (line.len > 0) {
        const char *at = memmem(line.ptr, line.len, from, len);
        size_t plain = at != NULL ? (size_t)(at - line.ptr) : line.len;
        bytes_append(out, span_first(line, plain));
        line = span_after(line, plain);
        if (line.len == 0) return;
        bytes_append_text(out, to);
        line = span_after(line, len);
    }
}

static struct span without_blanks(struct span line) {
    while (line.len > 0 && ascii_is_wsp(line.ptr[line.len - 1])) line.len--;
    return line;
}

static size_t quotes_before_from(struct span line) {
    size_t quotes = 0;
    while (quotes < line.len && line.ptr[quotes] == '>') quotes++;
    struct span rest = span_after(line, quotes);
    return rest.len >= 5 && memcmp(rest.ptr, "From ", 5) == 0 ? quotes : 0;
}

/* A line that a format=flowed text goes on behind (RFC 3676 section 4.1). */
static bool is_flowed(struct span line, struct span next) {
    return line.len >= 40 && next.len > 0 && !is_crlf(next) && !ascii_is_wsp(line.ptr[line.len - 1]);
}

static void change_line(struct span line, struct span next, enum line_change change, struct bytes *out) {
    struct span start = line, end = {NULL, 0};
    switch (change) {
    case DOTS_UNDOUBLED:
        if (line.len >= 2 && line.ptr[0] == '.' && line.ptr[1] == '.') start = span_after(line, 1);
        break;
    case DOTS_DOUBLED:
        if (line.len >= 1 && line.ptr[0] == '.') bytes_append_char(out, '.');
        break;
    case FROM_UNESCAPED:
        if (quotes_before_from(line) == 1) start = span_after(line, 1);
        break;
    case FROM_UNESCAPED_ALL:
        if (quotes_before_from(line) > 0) start = span_after(line, 1);
        break;
    case DASHES_WITH_BLANK:
        if (span_is(line, "--")) end = span_of(" ");
        break;
    case FLOWED_WITH_BLANK:
        if (is_flowed(line, next) || span_is(line, "--")) end = span_of(" ");
        break;
    case BLANKS_STRIPPED: start = without_blanks(line); break;
    case BLANK_LINES_STRIPPED:
        if (without_blanks(line).len == 0) start.len = 0;
        break;
    case TABS_FROM_EIGHT: replace_all(line, "        ", "\t", out); return;
    case TABS_FROM_FOUR: replace_all(line, "    ", "\t", out); return;
    case TABS_TO_EIGHT: replace_all(line, "\t", "        ", out); return;
    case TABS_TO_FOUR: replace_all(line, "\t", "    ", out); return;
    case TABS_TO_ONE: replace_all(line, "\t", " ", out); return;
    }
    bytes_append(out, start);
    bytes_append(out, end);
}

static bool by_line(const struct job *job, int change) {
    for (struct span rest = job->body; rest.len > 0;) {
        size_t len = line_octets(rest);
        struct span line = span_first(rest, len), content = without_crlf(line);
        rest = span_after(rest, len);
        change_line(content, rest, (enum line_change)change, job->out);
        bytes_append(job->out, span_after(line, content.len));
    }
    return true;
}

/* Joins lines that were broken at width. The rest of a broken line may begin with a blank of the server's (whose line
 * is then one longer), and sendmail marks the break with "!". */
static bool joined(const struct job *job, int width) {
    size_t wanted = (size_t)width;
    bool any = false;
    job->what->octets = wanted;
    for (struct span rest = job->body; rest.len > 0;) {
        size_t len = line_octets(rest);
        struct span line = without_crlf(span_first(rest, len));
        bool ends_in_crlf = line.len < len;
        rest = span_after(rest, len);
        bool is_broken =
            ends_in_crlf && rest.len > 0 && !is_crlf(rest) && (line.len == wanted || line.len == wanted + 1);
        bool is_marked = is_broken && line.ptr[line.len - 1] == '!' && rest.ptr[0] == ' ';
        bytes_append(job->out, is_marked ? span_first(line, line.len - 1) : line);
        if (!is_broken && ends_in_crlf) bytes_append_text(job->out, "\r\n");
        if (is_broken && rest.ptr[0] == ' ') rest = span_after(rest, 1);
        any |= is_broken;
    }
    return any;
}

/* The same where no blank was put before the rest. */
static bool joined_bare(const struct job *job, int width) {
    size_t wanted = (size_t)width;
    bool any = false;
    job->what->octets = wanted;
    for (struct span rest = job->body; rest.len > 0;) {
        size_t len = line_octets(rest);
        struct span line = span_first(rest, len), content = without_crlf(line);
        rest = span_after(rest, len);
        bool is_broken = content.len == wanted && content.len < len && rest.len > 0;
        bytes_append(job->out, is_broken ? content : line);
        any |= is_broken;
    }
    return any;
}

/* ---- Leaf by leaf ---- */

static const char *const encoding_names[] = {NULL, "8bit", "7bit", "binary", "base64", "quoted-printable"};
enum encoding_name { NAME_KEPT, NAME_8BIT, NAME_7BIT, NAME_BINARY, NAME_BASE64, NAME_QP, NAME_DROPPED };

/* The leaf's header with the value of its Content-Transfer-Encoding replaced, or without that field. */
static void put_header(struct span header, struct span encoding, enum encoding_name name, struct bytes *out) {
    if (name == NAME_KEPT || header.len == 0 ||
        encoding.len == 0) { /* without a header of its own: it stands in the message's */
        bytes_append(out, header);
        return;
    }
    size_t start = (size_t)(encoding.ptr - header.ptr), end = start + encoding.len;
    if (name == NAME_DROPPED) {
        while (start > 0 && header.ptr[start - 1] != '\n') start--;
        end += line_octets(span_after(header, end));
        bytes_append(out, span_first(header, start));
    } else {
        bytes_append(out, span_first(header, start));
        bytes_append_text(out, encoding_names[name]);
    }
    bytes_append(out, span_after(header, end));
}

typedef bool leaf_change(const struct job *job, const struct mime_leaf *leaf, int parameter, struct bytes *out);

/* Copies the body, with the leaves that change takes rewritten. */
static bool by_leaf(const struct job *job, leaf_change *change, int parameter, enum encoding_name name) {
    const char *at = job->body.ptr, *end = job->body.ptr + job->body.len;
    bool any = false;
    for (size_t i = 0; i < job->tree->count; i++) {
        const struct mime_leaf *leaf = &job->tree->leaf[i];
        if (job->only < job->tree->count && i != job->only) continue;
        if (leaf->body.len == 0) continue;
        struct bytes text = bytes_with_cap(job->out->cap);
        if (change(job, leaf, parameter, &text) && !text.failed) {
            const char *header = leaf->header.len > 0 ? leaf->header.ptr : leaf->body.ptr;
            bytes_append(job->out, (struct span){at, (size_t)(header - at)});
            put_header(leaf->header, leaf->encoding, name, job->out);
            bytes_append(job->out, bytes_span(&text));
            at = leaf->body.ptr + leaf->body.len;
            any = true;
        }
        bytes_release(&text);
    }
    if (any) bytes_append(job->out, (struct span){at, (size_t)(end - at)});
    return any;
}

static bool decode_leaf(const struct job *job, const struct mime_leaf *leaf, int coding, struct bytes *out) {
    (void)job;
    if (leaf->coding != (enum mime_coding)coding) return false;
    if (coding == MIME_BASE64) return mime_decode_base64(leaf->body, out);
    mime_decode_quoted_printable(leaf->body, out);
    return true;
}

/* Width 0: quoted-printable. */
static bool encode_leaf(const struct job *job, const struct mime_leaf *leaf, int width, struct bytes *out) {
    (void)job;
    if (leaf->coding != MIME_IDENTITY) return false;
    if (width == 0)
        mime_encode_quoted_printable(leaf->body, out);
    else
        mime_encode_base64(leaf->body, (size_t)width, out);
    return true;
}

static bool wrap_leaf(const struct job *job, const struct mime_leaf *leaf, int width, struct bytes *out) {
    (void)job;
    if (leaf->coding != (width == 0 ? MIME_QUOTED_PRINTABLE : MIME_BASE64)) return false;
    struct bytes octets = bytes_with_cap(out->cap);
    bool decoded = width == 0 || mime_decode_base64(leaf->body, &octets);
    if (width == 0) mime_decode_quoted_printable(leaf->body, &octets);
    if (decoded && width == 0) mime_encode_quoted_printable(bytes_span(&octets), out);
    if (decoded && width > 0) mime_encode_base64(bytes_span(&octets), (size_t)width, out);
    bytes_release(&octets);
    return decoded;
}

/* From one encoding to the other. */
static bool recode_leaf(const struct job *job, const struct mime_leaf *leaf, int width, struct bytes *out) {
    (void)job;
    struct bytes octets = bytes_with_cap(out->cap);
    bool decoded = false;
    if (width == 0 && leaf->coding == MIME_BASE64 && (decoded = mime_decode_base64(leaf->body, &octets)))
        mime_encode_quoted_printable(bytes_span(&octets), out);
    if (width > 0 && leaf->coding == MIME_QUOTED_PRINTABLE) {
        mime_decode_quoted_printable(leaf->body, &octets);
        mime_encode_base64(bytes_span(&octets), (size_t)width, out);
        decoded = true;
    }
    bytes_release(&octets);
    return decoded;
}

/* Links in a leaf, whatever its encoding is. */
static bool unlink_leaf(const struct job *job, const struct mime_leaf *leaf, int unused, struct bytes *out) {
    (void)unused;
    struct bytes text = bytes_with_cap(out->cap), undone = bytes_with_cap(out->cap);
    bool readable = leaf->is_text && leaf->coding != MIME_UNKNOWN;
    if (readable && leaf->coding == MIME_QUOTED_PRINTABLE) mime_decode_quoted_printable(leaf->body, &text);
    if (readable && leaf->coding == MIME_BASE64) readable = mime_decode_base64(leaf->body, &text);
    struct span plain = leaf->coding == MIME_IDENTITY ? leaf->body : bytes_span(&text);
    const char *service = readable ? link_rewriter_undo(plain, leaf->is_html, &undone) : NULL;
    if (service != NULL) {
        job->what->text = service;
        if (leaf->coding == MIME_QUOTED_PRINTABLE)
            mime_encode_quoted_printable(bytes_span(&undone), out);
        else if (leaf->coding == MIME_BASE64)
            mime_encode_base64(bytes_span(&undone), 76, out);
        else
            bytes_append(out, bytes_span(&undone));
    }
    bytes_release(&text);
    bytes_release(&undone);
    return service != NULL;
}

static bool unconvert_leaf(const struct job *job, const struct mime_leaf *leaf, int conversion, struct bytes *out) {
    (void)job;
    if (!leaf->is_text) return false;
    struct bytes text = bytes_with_cap(out->cap), before = bytes_with_cap(out->cap);
    bool readable = true;
    if (leaf->coding == MIME_QUOTED_PRINTABLE) mime_decode_quoted_printable(leaf->body, &text);
    if (leaf->coding == MIME_BASE64) readable = mime_decode_base64(leaf->body, &text);
    struct span plain = leaf->coding == MIME_IDENTITY || leaf->coding == MIME_UNKNOWN ? leaf->body : bytes_span(&text);
    readable = readable && mime_unconvert((enum mime_conversion)conversion, plain, &before);
    if (readable && leaf->coding == MIME_QUOTED_PRINTABLE)
        mime_encode_quoted_printable(bytes_span(&before), out);
    else if (readable && leaf->coding == MIME_BASE64)
        mime_encode_base64(bytes_span(&before), 76, out);
    else if (readable)
        bytes_append(out, bytes_span(&before));
    bytes_release(&text);
    bytes_release(&before);
    return readable;
}

static bool decoded_8bit(const struct job *job, int coding) { return by_leaf(job, decode_leaf, coding, NAME_8BIT); }
static bool decoded_7bit(const struct job *job, int coding) {
    return job->tree->is_multipart && by_leaf(job, decode_leaf, coding, NAME_7BIT);
}
static bool decoded_bare(const struct job *job, int coding) {
    return job->tree->is_multipart && by_leaf(job, decode_leaf, coding, NAME_DROPPED);
}
static bool encoded(const struct job *job, int width) {
    return by_leaf(job, encode_leaf, width, width == 0 ? NAME_QP : NAME_BASE64);
}
static bool wrapped(const struct job *job, int width) { return by_leaf(job, wrap_leaf, width, NAME_KEPT); }
static bool recoded(const struct job *job, int width) {
    return by_leaf(job, recode_leaf, width, width == 0 ? NAME_QP : NAME_BASE64);
}
static bool unlinked(const struct job *job, int unused) { return by_leaf(job, unlink_leaf, unused, NAME_KEPT); }
static bool unlinked_plain(const struct job *job, int unused) {
    (void)unused;
    return (job->what->text = link_rewriter_undo(job->body, false, job->out)) != NULL;
}
static bool unconverted(const struct job *job, int conversion) {
    job->what->text = mime_conversion_text((enum mime_conversion)conversion);
    return by_leaf(job, unconvert_leaf, conversion, NAME_KEPT);
}

/* The same, where the charset named in the headers of the parts was changed too. */
static bool unconverted_named(const struct job *job, int conversion) {
    if (!job->tree->is_multipart) return false;
    struct bytes text = bytes_with_cap(job->out->cap);
    struct job first = *job;
    first.out = &text;
    bool any = unconverted(&first, conversion);
    struct span rest = bytes_span(&text);
    const char *now = mime_conversion_after((enum mime_conversion)conversion);
    while (any && rest.len > 0) {
        struct span charset = mime_parameter(rest, "charset");
        size_t plain = charset.ptr != NULL ? (size_t)(charset.ptr - rest.ptr) : rest.len;
        bytes_append(job->out, span_first(rest, plain));
        rest = span_after(rest, plain);
        if (rest.len == 0) break;
        bool is_it = span_is_nocase(charset, now);
        if (is_it)
            bytes_append_text(job->out, mime_conversion_before((enum mime_conversion)conversion));
        else
            bytes_append(job->out, charset);
        rest = span_after(rest, charset.len);
    }
    bytes_release(&text);
    return any;
}

static bool first_part(const struct job *job, int unused) {
    (void)unused;
    if (!job->tree->is_multipart || job->tree->first_body.ptr == NULL) return false;
    return bytes_append(job->out, job->tree->first_body);
}

/* ---- The table ---- */

static const struct row {
    enum finding_id id;
    bool (*make)(const struct job *job, int parameter);
    int parameter;
    const char *text;
    bool leaf_by_leaf, white_space_only;
} rows[] = {
    {FINDING_BODY_LINE_ENDS, from_lf, 0, NULL, false, false},
    {FINDING_BODY_LINE_ENDS, from_bare_cr, 0, NULL, false, false},
    {FINDING_BODY_DOUBLE_ENDS, from_cr_crlf, 0, NULL, false, false},
    {FINDING_BODY_DOUBLE_ENDS, from_doubled, 0, NULL, false, false},
    {FINDING_BODY_DOTS, by_line, DOTS_UNDOUBLED, NULL, false, false},
    {FINDING_BODY_DOTS, by_line, DOTS_DOUBLED, NULL, false, false},
    {FINDING_BODY_FROM_LINE, by_line, FROM_UNESCAPED, NULL, false, false},
    {FINDING_BODY_FROM_LINE, by_line, FROM_UNESCAPED_ALL, NULL, false, false},
    {FINDING_BODY_TO_QP, decoded_8bit, MIME_QUOTED_PRINTABLE, NULL, true, false},
    {FINDING_BODY_TO_BASE64, decoded_8bit, MIME_BASE64, NULL, true, false},
    {FINDING_BODY_WRAPPED, first_part, 0, NULL, false, false},
    {FINDING_BODY_CHARSET, unconverted, MIME_FROM_LATIN1, NULL, true, false},
    {FINDING_BODY_CHARSET, unconverted, MIME_FROM_UTF8, NULL, true, false},
    {FINDING_BODY_LINKS, unlinked, 0, NULL, false, false},
    {FINDING_BODY_LINKS, unlinked_plain, 0, NULL, false, false},
    {FINDING_BODY_RECODED, encoded, 76, "base64", true, false},
    {FINDING_BODY_RECODED, encoded, 0, "quoted-printable", true, false},
    {FINDING_BODY_RECODED, wrapped, 76, "base64", true, false},
    {FINDING_BODY_RECODED, wrapped, 72, "base64", true, false},
    {FINDING_BODY_RECODED, wrapped, 64, "base64", true, false},
    {FINDING_BODY_RECODED, wrapped, 60, "base64", true, false},
    {FINDING_BODY_RECODED, wrapped, 0, "quoted-printable", true, false},
    {FINDING_BODY_BLANKS_STRIPPED, by_line, DASHES_WITH_BLANK, NULL, false, true},
    {FINDING_BODY_BLANKS_STRIPPED, by_line, FLOWED_WITH_BLANK, NULL, false, true},
    {FINDING_BODY_BLANKS_CHANGED, by_line, BLANKS_STRIPPED, NULL, false, true},
    {FINDING_BODY_BLANKS_CHANGED, by_line, BLANK_LINES_STRIPPED, NULL, false, true},
    {FINDING_BODY_BLANKS_CHANGED, by_line, TABS_FROM_EIGHT, NULL, false, true},
    {FINDING_BODY_BLANKS_CHANGED, by_line, TABS_FROM_FOUR, NULL, false, true},
    {FINDING_BODY_BLANKS_CHANGED, by_line, TABS_TO_EIGHT, NULL, false, true},
    {FINDING_BODY_BLANKS_CHANGED, by_line, TABS_TO_FOUR, NULL, false, true},
    {FINDING_BODY_BLANKS_CHANGED, by_line, TABS_TO_ONE, NULL, false, true},
    {FINDING_BODY_FOLDED, joined, 998, NULL, false, false},
    {FINDING_BODY_FOLDED, joined_bare, 998, NULL, false, false},
    {FINDING_BODY_FOLDED, joined, 990, NULL, false, false},
    {FINDING_BODY_FOLDED, joined_bare, 990, NULL, false, false},
    {FINDING_BODY_FOLDED, joined, 1000, NULL, false, false},
    {FINDING_BODY_FOLDED, joined_bare, 1000, NULL, false, false},
    {FINDING_BODY_FOLDED, joined, 2048, NULL, false, false},
    {FINDING_BODY_FOLDED, joined_bare, 2048, NULL, false, false},
    {FINDING_BODY_FOLDED, joined_bare, 1024, NULL, false, false},
    {FINDING_BODY_CHARSET, unconverted_named, MIME_FROM_LATIN1, NULL, true, false},
    {FINDING_BODY_CHARSET, unconverted_named, MIME_FROM_UTF8, NULL, true, false},
    {FINDING_BODY_CHARSET, unconverted, MIME_FROM_CP1252, NULL, true, false},
    {FINDING_BODY_CHARSET, unconverted_named, MIME_FROM_CP1252, NULL, true, false},
    {FINDING_BODY_CHARSET, unconverted, MIME_FROM_NFC, NULL, true, false},
    {FINDING_BODY_CHARSET, unconverted, MIME_FROM_NFD, NULL, true, false},
    {FINDING_BODY_TO_QP, decoded_7bit, MIME_QUOTED_PRINTABLE, NULL, true, false},
    {FINDING_BODY_TO_QP, decoded_bare, MIME_QUOTED_PRINTABLE, NULL, true, false},
    {FINDING_BODY_TO_BASE64, decoded_7bit, MIME_BASE64, NULL, true, false},
    {FINDING_BODY_TO_BASE64, decoded_bare, MIME_BASE64, NULL, true, false},
    {FINDING_BODY_RECODED, encoded, 72, "base64", true, false},
    {FINDING_BODY_RECODED, encoded, 64, "base64", true, false},
    {FINDING_BODY_RECODED, encoded, 60, "base64", true, false},
    {FINDING_BODY_RECODED, recoded, 0, "quoted-printable", true, false},
    {FINDING_BODY_RECODED, recoded, 76, "base64", true, false},
    {FINDING_BODY_RECODED, recoded, 72, "base64", true, false},
    {FINDING_BODY_LINE_ENDS, to_single, '\n', NULL, false, false},
    {FINDING_BODY_LINE_ENDS, to_single, '\r', NULL, false, false},
};
enum { ROWS = sizeof rows / sizeof *rows, LEAVES_APART = 6 }; /* leaves that are also tried one by one */

/* First all rows for all leaves at once, then those that go leaf by leaf, for each leaf. */
static size_t leaves_apart(const struct mime_tree *tree) {
    if (tree->count < 2) return 0;
    return tree->count < LEAVES_APART ? tree->count : LEAVES_APART;
}

unsigned body_rewrite_count(const struct mime_tree *tree) { return ROWS * (unsigned)(1 + leaves_apart(tree)); }

bool body_rewrite_make(unsigned number, struct span body, const struct mime_tree *tree, enum canonicalization kind,
                       struct bytes *out, struct body_rewrite *what) {
    const struct row *row = &rows[number % ROWS];
    unsigned turn = number / ROWS;
    bytes_clear(out);
    *what = (struct body_rewrite){.id = row->id, .text = row->text};
    if ((turn > 0 && !row->leaf_by_leaf) || (row->white_space_only && kind == CANON_RELAXED)) return false;
    struct job job = {.body = body, .tree = tree, .only = turn > 0 ? turn - 1 : tree->count, .out = out, .what = what};
    bool made = row->make(&job, row->parameter) && !out->failed;
    return made && !span_equal(bytes_span(out), body);
}
