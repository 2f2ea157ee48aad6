/* The makers of header_edits for fields whose text people read: Subject, names, encoded-words, character sets. */
#include <string.h>
#include "base/ascii.h"
#include "base/base64.h"
#include "verifier/encoded_word.h"
#include "verifier/header_edits.h"
#include "verifier/mime_coding.h"

enum {
    RANK_TAG = 1,
    RANK_AUTHOR = 2,
    RANK_RECODE = 4,
    RANK_CHARSET = 5,
    RANK_TAG_INSIDE = 5,
    TAGS_MAX = 3,
    WORD_MAX = 40
};

static const struct span nothing = {NULL, 0};

/* ---- Subject: tags taken off again ---- */

static struct span skip_blanks(struct span text) {
    while (text.len > 0 && ascii_is_space(text.ptr[0])) text = span_after(text, 1);
    return text;
}

/* "[tag]", "(tag)", "{tag}", "<tag>" at the start; 0: none. */
static size_t bracketed(struct span text) {
    static const char open[] = "[({<", close[] = "])}>";
    const char *at = text.len > 0 && text.ptr[0] != '\0' ? strchr(open, text.ptr[0]) : NULL;
    size_t end = at != NULL ? span_find(text, close[at - open]) : text.len;
    return end < text.len ? end + 1 : 0;
}

/* "***tag***", "*** tag ***", "##tag##", "--tag--": the sign it begins with, up to the end of its second run. */
static size_t starred(struct span text) {
    if (text.len == 0 || strchr("*#-_!=~", text.ptr[0]) == NULL || text.ptr[0] == '\0') return 0;
    char sign = text.ptr[0];
    size_t at = 0, most = text.len < 2 * WORD_MAX ? text.len : 2 * WORD_MAX;
    while (at < most && text.ptr[at] == sign) at++;
    while (at < most && text.ptr[at] != sign) at++;
    if (at == most) return 0;
    while (at < most && text.ptr[at] == sign) at++;
    return at;
}

/* "EXTERNAL:", "Re:", "Possible spam:". */
static size_t with_colon(struct span text) {
    struct span start = span_first(text, text.len < WORD_MAX ? text.len : WORD_MAX);
    size_t at = span_find(start, ':');
    return at < start.len ? at + 1 : 0;
}

/* "SPAM" alone; also "SPAM -" and "EXTERNAL |". */
static size_t first_word(struct span text) {
    size_t at = span_find(text, ' ');
    if (at == 0 || at > WORD_MAX || at == text.len) return 0;
    if (at + 2 < text.len && text.ptr[at + 2] == ' ' && !ascii_is_alnum(text.ptr[at + 1])) at += 2;
    return at;
}

static size_t (*const tag_kinds[])(struct span) = {bracketed, starred, with_colon, first_word};

static void put_without(struct header_edits *edits, const struct header_field *field, struct span before,
                        struct span rest, struct span found) {
    struct bytes *draft = header_edits_draft(edits, field);
    bytes_append(draft, before);
    bytes_append(draft, rest);
    header_edits_commit(edits, field, FINDING_SUBJECT_TAG, RANK_TAG, found);
}

/* One tag of any kind, or up to TAGS_MAX of them, off the start of text; before stays in front. */
static void strip_tags(struct header_edits *edits, const struct header_field *field, struct span before,
                       struct span text) {
    for (size_t kind = 0; kind < sizeof tag_kinds / sizeof *tag_kinds; kind++) {
        struct span rest = text;
        for (int tags = 0; tags < TAGS_MAX; tags++) {
            size_t len = tag_kinds[kind](rest);
            for (size_t other = 0; tags > 0 && len == 0 && other < 3; other++) len = tag_kinds[other](rest);
            if (len == 0) break;
            rest = skip_blanks(span_after(rest, len));
            put_without(edits, field, before, rest, span_trim(span_first(text, text.len - rest.len)));
        }
    }
}

static size_t reply_prefix(struct span text) {
    static const char *const prefixes[] = {"Re:", "RE:", "Fwd:", "FW:", "Fw:", "TR:", "Tr:", "AW:", "WG:", "re:"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i]);
        if (text.len > len && memcmp(text.ptr, prefixes[i], len) == 0)
            return text.len - skip_blanks(span_after(text, len)).len;
    }
    return 0;
}

/* " [tag]" or " (tag)" at the end. */
static void strip_last_tag(struct header_edits *edits, const struct header_field *field, struct span text) {
    for (size_t at = text.len; at > 1; at--) {
        char c = text.ptr[at - 1];
        if (c != '[' && c != '(' && c != '{' && c != '*') continue;
        struct span rest = span_trim(span_first(text, at - 1));
        put_without(edits, field, nothing, rest, span_trim(span_after(text, rest.len)));
        if (c != '*') return;
    }
}

/* Octets decoded, in an encoded-word of their own. */
static void put_word(struct bytes *draft, const char *charset, char encoding, struct span octets) {
    static const char digits[] = "0123456789ABCDEF";
    bytes_append_format(draft, "=?%s?%c?", charset, encoding);
    if (ascii_upper(encoding) == 'B') {
        base64_encode(draft, octets);
    } else {
        for (size_t i = 0; i < octets.len; i++) {
            unsigned char c = (unsigned char)octets.ptr[i];
            bool plain = ascii_is_alnum((char)c) || (c > ' ' && c < 0x7f && strchr("=?_\"(),.:;<>@[\\]", c) == NULL);
            if (plain)
                bytes_append_char(draft, (char)c);
            else if (c == ' ')
                bytes_append_char(draft, '_');
            else
                bytes_append_format(draft, "=%c%c", digits[c >> 4], digits[c & 15]);
        }
    }
    bytes_append_text(draft, "?=");
}

static const struct {
    const char *charset;
    char encoding;
} word_styles[] = {{"utf-8", 'q'}, {"UTF-8", 'Q'},      {"utf-8", 'b'},      {"UTF-8", 'B'},      {"utf-8", 'Q'},
                   {"utf-8", 'B'}, {"iso-8859-1", 'q'}, {"ISO-8859-1", 'Q'}, {"iso-8859-1", 'Q'}, {"iso-8859-1", 'B'}};
enum { WORD_STYLES = sizeof word_styles / sizeof *word_styles };

/* text (UTF-8) as one encoded-word in every usual style, and as it is. */
static void put_all_styles(struct header_edits *edits, const struct header_field *field, struct span text,
                           enum finding_id id, unsigned rank, struct span found) {
    for (size_t i = 0; i < WORD_STYLES; i++) {
        struct bytes octets = bytes_with_cap(edits->draft.cap);
        bool is_utf8 = ascii_lower(word_styles[i].charset[0]) == 'u';
        if (is_utf8 || mime_unconvert(MIME_FROM_LATIN1, text, &octets)) {
            struct bytes *draft = header_edits_draft(edits, field);
            put_word(draft, word_styles[i].charset, word_styles[i].encoding, is_utf8 ? text : bytes_span(&octets));
            header_edits_commit(edits, field, id, rank, found);
        }
        bytes_release(&octets);
    }
    bytes_append(header_edits_draft(edits, field), text);
    header_edits_commit(edits, field, id, rank, found);
}

/* A tag that went into the encoded-word. */
static void strip_encoded_tags(struct header_edits *edits, const struct header_field *field, struct span text) {
    struct bytes decoded = bytes_with_cap(edits->draft.cap);
    if (encoded_word_present(text) && encoded_word_decode(text, &decoded)) {
        struct span plain = bytes_span(&decoded);
        for (size_t kind = 0; kind < 3; kind++) {
            size_t len = tag_kinds[kind](plain);
            struct span rest = skip_blanks(span_after(plain, len)), found = span_first(plain, len);
            if (len == 0 || rest.len == 0) continue;
            put_all_styles(edits, field, rest, FINDING_SUBJECT_TAG, RANK_TAG_INSIDE, arena_copy(edits->arena, found));
        }
    }
    bytes_release(&decoded);
}

void header_edits_subject(struct header_edits *edits, const struct header_field *field) {
    struct span text = header_edits_text(field);
    size_t reply = reply_prefix(text);
    strip_tags(edits, field, nothing, text);
    if (reply > 0) strip_tags(edits, field, span_first(text, reply), span_after(text, reply));
    strip_last_tag(edits, field, text);
    strip_encoded_tags(edits, field, text);
}

/* ---- Encoded-words anywhere ---- */

/* The encoded-word at the start of text; 0: none. */
static size_t word_octets(struct span text, struct span *charset, char *encoding, struct span *payload) {
    if (text.len < 8 || text.ptr[0] != '=' || text.ptr[1] != '?') return 0;
    struct span rest = span_after(text, 2);
    *charset = span_first(rest, span_find(rest, '?'));
    rest = span_after(rest, charset->len);
    if (rest.len < 4 || rest.ptr[2] != '?') return 0;
    *encoding = rest.ptr[1];
    rest = span_after(rest, 3);
    *payload = span_first(rest, span_find(rest, '?'));
    if (payload->len + 1 >= rest.len || rest.ptr[payload->len + 1] != '=') return 0;
    return (size_t)(rest.ptr - text.ptr) + payload->len + 2;
}

enum word_change {
    WORD_OTHER_ENCODING,
    WORD_LOWER_CHARSET,
    WORD_UPPER_CHARSET,
    WORD_LOWER_ENCODING,
    WORD_UPPER_ENCODING,
    WORD_DECODED,
    WORD_CHANGES
};

static void change_word(struct span word, struct span charset, char encoding, struct span payload,
                        enum word_change change, struct bytes *out) {
    char name[64];
    struct bytes octets = bytes_with_cap(word.len + 1);
    size_t len = charset.len < sizeof name - 1 ? charset.len : sizeof name - 1;
    for (size_t i = 0; i < len; i++)
        name[i] = change == WORD_LOWER_CHARSET   ? ascii_lower(charset.ptr[i])
                  : change == WORD_UPPER_CHARSET ? ascii_upper(charset.ptr[i])
                                                 : charset.ptr[i];
    name[len] = '\0';
    bool decoded = encoded_word_decode(word, &octets);
    if (change == WORD_DECODED && decoded) {
        bytes_append(out, bytes_span(&octets));
    } else if (change == WORD_OTHER_ENCODING && decoded) {
        bool was_q = ascii_upper(encoding) == 'Q';
        put_word(out, name, ascii_is_upper(encoding) ? (was_q ? 'B' : 'Q') : (was_q ? 'b' : 'q'), bytes_span(&octets));
    } else {
        char kept = change == WORD_LOWER_ENCODING   ? ascii_lower(encoding)
                    : change == WORD_UPPER_ENCODING ? ascii_upper(encoding)
                                                    : encoding;
        bytes_append_format(out, "=?%s?%c?", name, kept);
        bytes_append(out, payload);
        bytes_append_text(out, "?=");
    }
    bytes_release(&octets);
}

static void change_words(struct header_edits *edits, const struct header_field *field, enum word_change change) {
    bytes_clear(&edits->draft);
    for (struct span rest = field->body; rest.len > 0;) {
        struct span charset, payload;
        char encoding;
        size_t len = word_octets(rest, &charset, &encoding, &payload);
        if (len > 0)
            change_word(span_first(rest, len), charset, encoding, payload, change, &edits->draft);
        else
            bytes_append_char(&edits->draft, rest.ptr[0]);
        rest = span_after(rest, len > 0 ? len : 1);
    }
    header_edits_commit(edits, field, FINDING_FIELD_RECODED, RANK_RECODE, nothing);
}

static bool has_8bit(struct span text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80) return true;
    return false;
}

void header_edits_encoded_words(struct header_edits *edits, const struct header_field *field) {
    struct span text = header_edits_text(field);
    bool has_words = encoded_word_present(text);
    for (int change = 0; has_words && change < WORD_CHANGES; change++)
        change_words(edits, field, (enum word_change)change);
    if (!span_is_nocase(field->name, "Subject")) return;
    struct bytes decoded = bytes_with_cap(edits->draft.cap);
    if (has_words && encoded_word_decode(text, &decoded))
        put_all_styles(edits, field, bytes_span(&decoded), FINDING_FIELD_RECODED, RANK_RECODE, nothing);
    else if (has_8bit(text))
        put_all_styles(edits, field, text, FINDING_FIELD_RECODED, RANK_RECODE, nothing);
    bytes_release(&decoded);
}

void header_edits_charset(struct header_edits *edits, const struct header_field *field) {
    static const enum mime_conversion conversions[] = {MIME_FROM_LATIN1, MIME_FROM_UTF8, MIME_FROM_NFC, MIME_FROM_NFD};
    if (!has_8bit(field->body)) return;
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
        bytes_clear(&edits->draft);
        if (mime_unconvert(conversions[i], field->body, &edits->draft))
            header_edits_commit(edits, field, FINDING_FIELD_CHARSET, RANK_CHARSET, nothing);
    }
}

/* ---- From, rewritten by lists ---- */

/* The address in a mailbox's text: between < and >, or the first word that has an @. */
static struct span address_in(struct span text) {
    size_t open = span_find(text, '<'), close = span_find(text, '>');
    if (open < close && close < text.len) return (struct span){text.ptr + open + 1, close - open - 1};
    size_t at = span_find(text, '@'), start = at, end = at;
    if (at == text.len) return nothing;
    while (start > 0 && !ascii_is_space(text.ptr[start - 1]) && text.ptr[start - 1] != ',') start--;
    while (end < text.len && !ascii_is_space(text.ptr[end]) && text.ptr[end] != ',') end++;
    return (struct span){text.ptr + start, end - start};
}

/* The display name without quotes, and without the words that lists put behind it. */
static struct span name_in(struct span text) {
    static const char *const words[] = {" via ", " par ", " (via ", " (par ", " [via ", " on behalf of "};
    struct span name = span_trim(span_first(text, span_find(text, '<')));
    if (name.len >= 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"')
        name = (struct span){name.ptr + 1, name.len - 2};
    if (name.len >= 2 && name.ptr[0] == '\'' && name.ptr[name.len - 1] == '\'')
        name = (struct span){name.ptr + 1, name.len - 2};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = name.len > 0 ? memmem(name.ptr, name.len, words[i], strlen(words[i])) : NULL;
        if (at != NULL) name = span_first(name, (size_t)(at - name.ptr));
    }
    return span_trim(name);
}

static void put_mailbox(struct header_edits *edits, const struct header_field *field, struct span name,
                        struct span address, const char *quote, enum finding_id id, unsigned rank) {
    struct bytes *draft = header_edits_draft(edits, field);
    if (name.len > 0) {
        bytes_append_text(draft, quote);
        bytes_append(draft, name);
        bytes_append_text(draft, quote);
        bytes_append_text(draft, " ");
    }
    bytes_append_char(draft, '<');
    bytes_append(draft, address);
    bytes_append_char(draft, '>');
    header_edits_commit(edits, field, id, rank, nothing);
}

void header_edits_author(struct header_edits *edits, const struct header_field *field) {
    static const char *const keepers[] = {
        "Reply-To", "X-Original-From", "Original-From", "X-Original-Sender", "X-Google-Original-From", "X-MailFrom",
        "Cc",       "Sender",          "Resent-From"};
    struct span text = header_edits_text(field), name = name_in(text);
    for (size_t i = 0; i < sizeof keepers / sizeof *keepers; i++) {
        const struct header_field *keeper = header_section_find(edits->trial->section, keepers[i], 0);
        if (keeper == NULL || keeper->raw.len > edits->draft.cap / 2) continue;
        struct span kept = header_edits_text(keeper), address = address_in(kept);
        header_edits_replace(edits, field, FINDING_FROM_REWRITTEN, RANK_AUTHOR, kept);
        if (address.len == 0) continue;
        put_mailbox(edits, field, name, address, "", FINDING_FROM_REWRITTEN, RANK_AUTHOR);
        put_mailbox(edits, field, name, address, "\"", FINDING_FROM_REWRITTEN, RANK_AUTHOR + 1);
        put_mailbox(edits, field, name_in(kept), address, "", FINDING_FROM_REWRITTEN, RANK_AUTHOR + 1);
        put_mailbox(edits, field, name_in(kept), address, "\"", FINDING_FROM_REWRITTEN, RANK_AUTHOR + 1);
        header_edits_replace(edits, field, FINDING_FROM_REWRITTEN, RANK_AUTHOR, address);
        put_mailbox(edits, field, nothing, address, "", FINDING_FROM_REWRITTEN, RANK_AUTHOR + 1);
    }
}

/* ---- Addresses written another way ---- */

enum { RANK_ADDRESS = 4 };

enum octet_change { WITHOUT_QUOTES, LOWER_CASE, COMMA_BARE, COMMA_BLANK, WITHOUT_ANGLES };

static void change_octets(struct header_edits *edits, const struct header_field *field, enum octet_change change) {
    struct span text = header_edits_text(field);
    struct bytes *draft = header_edits_draft(edits, field);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool behind_comma = i > 0 && text.ptr[i - 1] == ',';
        if (change == WITHOUT_QUOTES && c == '"') continue;
        if (change == WITHOUT_ANGLES && (c == '<' || c == '>')) continue;
        if (change == COMMA_BARE && behind_comma && c == ' ') continue;
        if (change == COMMA_BLANK && behind_comma && !ascii_is_space(c)) bytes_append_char(draft, ' ');
        bytes_append_char(draft, change == LOWER_CASE ? ascii_lower(c) : c);
    }
    header_edits_commit(edits, field, FINDING_ADDRESS_REWRITTEN, RANK_ADDRESS, nothing);
}

/* The address in lower case, or with its domain in lower case, or at the signing domain; the rest as it is. */
static void change_address(struct header_edits *edits, const struct header_field *field, struct span address,
                           int change) {
    struct span text = header_edits_text(field);
    struct bytes *draft = header_edits_draft(edits, field);
    size_t before = (size_t)(address.ptr - text.ptr), at = span_find(address, '@');
    bytes_append(draft, span_first(text, before));
    for (size_t i = 0; i < address.len; i++) {
        if (change == 2 && i > at) break;
        bool lower = change == 0 || (change == 1 && i > at) || (change == 3 && i <= at);
        bytes_append_char(draft, lower ? ascii_lower(address.ptr[i]) : address.ptr[i]);
    }
    if (change == 2) bytes_append(draft, edits->trial->signature->domain);
    bytes_append(draft, span_after(text, before + address.len));
    header_edits_commit(edits, field, FINDING_ADDRESS_REWRITTEN, RANK_ADDRESS, nothing);
}

void header_edits_addresses(struct header_edits *edits, const struct header_field *field) {
    struct span text = header_edits_text(field), address = address_in(text), name = name_in(text);
    for (int change = WITHOUT_QUOTES; change <= WITHOUT_ANGLES; change++)
        change_octets(edits, field, (enum octet_change)change);
    if (address.len == 0) return;
    for (int change = 0; change < 4; change++) change_address(edits, field, address, change);
    put_mailbox(edits, field, name, address, "\"", FINDING_ADDRESS_REWRITTEN, RANK_ADDRESS);
    put_mailbox(edits, field, name, address, "", FINDING_ADDRESS_REWRITTEN, RANK_ADDRESS);
    header_edits_replace(edits, field, FINDING_ADDRESS_REWRITTEN, RANK_ADDRESS, address);
    put_mailbox(edits, field, nothing, address, "", FINDING_ADDRESS_REWRITTEN, RANK_ADDRESS);
    if (name.len == 0) return;
    struct bytes *draft = header_edits_draft(edits, field); /* "address (name)", as it once was written */
    bytes_append(draft, address);
    bytes_append_text(draft, " (");
    bytes_append(draft, name);
    bytes_append_text(draft, ")");
    header_edits_commit(edits, field, FINDING_ADDRESS_REWRITTEN, RANK_ADDRESS, nothing);
}

void header_edits_recipients(struct header_edits *edits, const struct header_field *field) {
    static const char *const keepers[] = {"X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To",
                                          "Original-Recipient"};
    static const char *const hidden[] = {"undisclosed-recipients:;",
                                         "undisclosed-recipients: ;",
                                         "Undisclosed recipients:;",
                                         "undisclosed recipients: ;",
                                         "Undisclosed-recipients:;",
                                         "recipient list not shown:;",
                                         ""};
    for (size_t i = 0; i < sizeof keepers / sizeof *keepers; i++) {
        const struct header_field *keeper = header_section_find(edits->trial->section, keepers[i], 0);
        if (keeper == NULL || keeper->raw.len > edits->draft.cap / 2) continue;
        struct span address = address_in(header_edits_text(keeper));
        header_edits_replace(edits, field, FINDING_RECIPIENTS_CHANGED, RANK_ADDRESS, header_edits_text(keeper));
        if (address.len > 0) put_mailbox(edits, field, nothing, address, "", FINDING_RECIPIENTS_CHANGED, RANK_ADDRESS);
    }
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        header_edits_replace(edits, field, FINDING_RECIPIENTS_CHANGED, RANK_ADDRESS, span_of(hidden[i]));
}
