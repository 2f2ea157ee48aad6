/* The makers of header_edits for fields that programs read: MIME, dates, message identifiers. */
#include <stdlib.h>
#include "base/ascii.h"
#include "verifier/header_edits.h"
#include "verifier/received_time.h"

enum { RANK_MIME = 3, RANK_PARAMETER = 4, RANK_DATE = 4, DATE_SLACK_S = 2 };

static const struct span nothing = {NULL, 0};

/* ---- MIME ---- */

/* Parameters with their quotes taken off or put on; only the one called name, or all (NULL). */
static void quote_parameters(struct header_edits *edits, const struct header_field *field, const char *name,
                             bool quoted) {
    struct span text = header_edits_text(field);
    struct bytes *draft = header_edits_draft(edits, field);
    for (size_t at = 0; at < text.len; at++) {
        char c = text.ptr[at];
        bytes_append_char(draft, c);
        if (c != '=') continue;
        struct span value = span_after(text, at + 1);
        bool is_quoted = value.len > 0 && value.ptr[0] == '"';
        if (is_quoted) value = span_after(value, 1);
        size_t end = 0;
        while (end < value.len &&
               (is_quoted ? value.ptr[end] != '"' : value.ptr[end] != ';' && !ascii_is_space(value.ptr[end])))
            end++;
        size_t name_len = name != NULL ? strlen(name) : 0;
        bool wanted =
            name == NULL ||
            (at >= name_len && span_equal_nocase((struct span){text.ptr + at - name_len, name_len}, span_of(name)));
        bool quotes = wanted ? quoted : is_quoted;
        if (quotes) bytes_append_char(draft, '"');
        bytes_append(draft, span_first(value, end));
        if (quotes) bytes_append_char(draft, '"');
        at += end + (is_quoted ? 1 + (end < value.len) : 0);
    }
    header_edits_commit(edits, field, FINDING_MIME_FIELD, RANK_PARAMETER, nothing);
}

/* The value without its parameter called name; with "" without all of them. */
static void drop_parameter(struct header_edits *edits, const struct header_field *field, const char *name) {
    struct span text = header_edits_text(field);
    struct bytes *draft = header_edits_draft(edits, field);
    size_t len = strlen(name);
    while (text.len > 0) {
        size_t end = 1 + span_find(span_after(text, 1), ';');
        struct span piece = span_first(text, end), inner = span_trim(span_after(piece, piece.ptr[0] == ';'));
        bool drop = piece.ptr[0] == ';' && (len == 0 || (inner.len > len && inner.ptr[len] == '=' &&
                                                         span_equal_nocase(span_first(inner, len), span_of(name))));
        if (!drop) bytes_append(draft, piece);
        text = span_after(text, end);
    }
    header_edits_commit(edits, field, FINDING_MIME_FIELD, RANK_PARAMETER, nothing);
}

static void set_charset(struct header_edits *edits, const struct header_field *field, const char *charset) {
    struct span text = header_edits_text(field), old = mime_parameter(text, "charset");
    if (old.ptr == NULL) return;
    struct bytes *draft = header_edits_draft(edits, field);
    bytes_append(draft, span_first(text, (size_t)(old.ptr - text.ptr)));
    bytes_append_text(draft, charset);
    bytes_append(draft, span_after(text, (size_t)(old.ptr - text.ptr) + old.len));
    header_edits_commit(edits, field, FINDING_MIME_FIELD, RANK_MIME, nothing);
}

static void put_case(struct header_edits *edits, const struct header_field *field, size_t len, char (*change)(char)) {
    struct span text = header_edits_text(field);
    struct bytes *draft = header_edits_draft(edits, field);
    for (size_t i = 0; i < text.len; i++) bytes_append_char(draft, i < len ? change(text.ptr[i]) : text.ptr[i]);
    header_edits_commit(edits, field, FINDING_MIME_FIELD, RANK_PARAMETER, nothing);
}

static char lower(char c) { return ascii_lower(c); }
static char upper(char c) { return ascii_upper(c); }

static void space_semicolons(struct header_edits *edits, const struct header_field *field, bool blank) {
    struct span text = header_edits_text(field);
    struct bytes *draft = header_edits_draft(edits, field);
    for (size_t i = 0; i < text.len; i++) {
        bool behind = i > 0 && text.ptr[i - 1] == ';';
        if (behind && !blank && ascii_is_wsp(text.ptr[i])) continue;
        if (behind && blank && !ascii_is_space(text.ptr[i])) bytes_append_char(draft, ' ');
        bytes_append_char(draft, text.ptr[i]);
    }
    header_edits_commit(edits, field, FINDING_MIME_FIELD, RANK_PARAMETER, nothing);
}

static void content_type(struct header_edits *edits, const struct header_field *field) {
    static const char *const charsets[] = {"utf-8",    "UTF-8",    "iso-8859-1",   "ISO-8859-1",
                                           "us-ascii", "US-ASCII", "windows-1252", "Windows-1252"};
    static const char *const parameters[] = {"charset", "boundary", "format", "delsp", "name",
                                             "type",    "protocol", "micalg", "method"};
    static const char *const usual[] = {"text/plain",
                                        "text/plain; charset=utf-8",
                                        "text/plain; charset=\"utf-8\"",
                                        "text/plain; charset=us-ascii",
                                        "text/plain; charset=UTF-8",
                                        "text/plain; charset=\"UTF-8\"",
                                        "text/plain; charset=\"us-ascii\"",
                                        "text/html; charset=utf-8",
                                        "text/plain; charset=iso-8859-1"};
    struct span text = header_edits_text(field);
    for (int quoted = 0; quoted < 2; quoted++) {
        quote_parameters(edits, field, NULL, quoted != 0);
        quote_parameters(edits, field, "charset", quoted != 0);
        quote_parameters(edits, field, "boundary", quoted != 0);
        space_semicolons(edits, field, quoted != 0);
    }
    for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++) set_charset(edits, field, charsets[i]);
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) drop_parameter(edits, field, parameters[i]);
    drop_parameter(edits, field, "");
    put_case(edits, field, span_find(text, ';'), lower);
    put_case(edits, field, span_find(text, ';'), upper);
    put_case(edits, field, text.len, lower);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        header_edits_replace(edits, field, FINDING_MIME_FIELD, RANK_PARAMETER, span_of(usual[i]));
}

static void transfer_encoding(struct header_edits *edits, const struct header_field *field) {
    static const char *const encodings[] = {"8bit",  "7bit", "quoted-printable", "base64",           "binary",
                                            "8BIT",  "7BIT", "Quoted-Printable", "QUOTED-PRINTABLE", "BASE64",
                                            "Base64"};
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
        header_edits_replace(edits, field, FINDING_MIME_FIELD, RANK_MIME, span_of(encodings[i]));
}

void header_edits_mime(struct header_edits *edits, const struct header_field *field) {
    char name[32] = "";
    for (size_t i = 0; i < field->name.len && i + 1 < sizeof name; i++) name[i] = field->name.ptr[i];
    /* A message that was wrapped has its own fields in its first part's header now. */
    if (edits->tree != NULL && edits->tree->is_multipart) {
        struct span inner = mime_header_value(edits->tree->first_header, name);
        if (inner.len > 0) header_edits_replace(edits, field, FINDING_MIME_FIELD, RANK_MIME - 1, inner);
    }
    if (span_is_nocase(field->name, "Content-Type"))
        content_type(edits, field);
    else if (span_is_nocase(field->name, "Content-Transfer-Encoding"))
        transfer_encoding(edits, field);
    else {
        struct span text = header_edits_text(field);
        header_edits_replace(edits, field, FINDING_MIME_FIELD, RANK_MIME,
                             span_trim(span_first(text, span_find(text, '('))));
    }
}

/* ---- Dates ---- */

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct date {
    int64_t unix_s;
    int zone_minutes;
};

/* Days since 1970 as a civil date (proleptic Gregorian). */
static void civil(int64_t day, int *year, unsigned *month, unsigned *mday) {
    day += 719468;
    int64_t era = (day >= 0 ? day : day - 146096) / 146097;
    unsigned of_era = (unsigned)(day - era * 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    *mday = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int)(year_of_era + era * 400) + (*month <= 2);
}

static void put_date(struct header_edits *edits, const struct header_field *field, int64_t unix_s, int zone_minutes,
                     const char *zone, bool with_day, bool zero, enum finding_id id) {
    int64_t local = unix_s + zone_minutes * 60;
    int64_t day = local / 86400, second = local % 86400;
    int year;
    unsigned month, mday;
    if (local < 0 || local > INT64_C(253402300799)) return;
    civil(day, &year, &month, &mday);
    struct bytes *draft = header_edits_draft(edits, field);
    if (with_day) bytes_append_format(draft, "%s, ", days[(day + 4) % 7]);
    bytes_append_format(draft, zero ? "%02u" : "%u", mday);
    bytes_append_format(draft, " %s %d %02d:%02d:%02d ", months[month - 1], year, (int)(second / 3600),
                        (int)(second / 60 % 60), (int)(second % 60));
    if (zone != NULL)
        bytes_append_text(draft, zone);
    else
        bytes_append_format(draft, "%c%02d%02d", zone_minutes < 0 ? '-' : '+', abs(zone_minutes) / 60,
                            abs(zone_minutes) % 60);
    header_edits_commit(edits, field, id, RANK_DATE, nothing);
}

/* The zone at the end of a date, "+hhmm", in minutes; 0 for all others. */
static int zone_in(struct span text) {
    text = span_trim(span_first(text, span_find(text, '(')));
    if (text.len < 5) return 0;
    struct span zone = span_after(text, text.len - 5);
    if (zone.ptr[0] != '+' && zone.ptr[0] != '-') return 0;
    int number = 0;
    for (size_t i = 1; i < 5; i++) {
        if (!ascii_is_digit(zone.ptr[i])) return 0;
        number = number * 10 + (zone.ptr[i] - '0');
    }
    int minutes = number / 100 * 60 + number % 100;
    return zone.ptr[0] == '-' ? -minutes : minutes;
}

/* received_time reads what stands behind the last semicolon, strictly: the date gets one, and a zone in digits. */
static bool read_date(struct span text, struct date *out) {
    static const char *const words[] = {"GMT", "UTC", "UT", "Z"};
    struct bytes line = bytes_with_cap(256);
    bytes_append_text(&line, ";");
    bytes_append(&line, span_trim(span_first(text, span_find(text, '('))));
    for (size_t i = 0; i < 4 && !line.failed; i++) {
        size_t len = strlen(words[i]);
        if (line.len > len && memcmp(line.ptr + line.len - len, words[i], len) == 0) {
            line.len -= len;
            bytes_append_text(&line, "+0000");
            break;
        }
    }
    out->zone_minutes = zone_in(span_after(bytes_span(&line), line.len > 0));
    bool known = !line.failed && received_time_read(bytes_span(&line), &out->unix_s);
    bytes_release(&line);
    return known;
}

/* The same moment in other forms. */
static void put_forms(struct header_edits *edits, const struct header_field *field, struct date date,
                      enum finding_id id) {
    static const char *const zones[] = {NULL, "+0000", "GMT", "-0000", "+0000 (UTC)", "UTC"};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (zones[i] != NULL && date.zone_minutes != 0) continue;
        for (int form = 0; form < 4; form++)
            put_date(edits, field, date.unix_s, date.zone_minutes, zones[i], form < 2, form % 2 == 0, id);
    }
    if (date.zone_minutes != 0) put_date(edits, field, date.unix_s, 0, "+0000", true, true, id);
    if (date.zone_minutes != 0) put_date(edits, field, date.unix_s, 0, "GMT", true, true, id);
}

void header_edits_date(struct header_edits *edits, const struct header_field *field) {
    const struct header_section *section = edits->trial->section;
    const struct header_field *lowest = NULL;
    struct date date;
    struct span text = header_edits_text(field);
    header_edits_replace(edits, field, FINDING_FIELD_REPLACED, RANK_DATE,
                         span_trim(span_first(text, span_find(text, '('))));
    if (read_date(text, &date)) put_forms(edits, field, date, FINDING_FIELD_REPLACED);
    for (size_t i = section->count; i > 0 && lowest == NULL; i--)
        if (span_is_nocase(section->fields[i - 1].name, "Received")) lowest = &section->fields[i - 1];
    if (lowest == NULL || !received_time_read(lowest->body, &date.unix_s)) return;
    date.zone_minutes = zone_in(lowest->body);
    for (int off = -DATE_SLACK_S; off <= DATE_SLACK_S; off++) {
        put_date(edits, field, date.unix_s + off, date.zone_minutes, NULL, true, true, FINDING_FIELD_REPLACED);
        put_date(edits, field, date.unix_s + off, date.zone_minutes, NULL, true, false, FINDING_FIELD_REPLACED);
        if (date.zone_minutes != 0)
            put_date(edits, field, date.unix_s + off, 0, "+0000", true, true, FINDING_FIELD_REPLACED);
    }
}

/* ---- Message identifiers ---- */

void header_edits_message_id(struct header_edits *edits, const struct header_field *field) {
    static const char *const keepers[] = {"X-Original-Message-ID",
                                          "X-Message-ID",
                                          "X-MS-Exchange-Original-Message-ID",
                                          "Resent-Message-ID",
                                          "X-Microsoft-Original-Message-ID",
                                          "X-Google-Original-Message-ID"};
    struct span text = header_edits_text(field);
    struct bytes *draft;
    for (size_t i = 0; i < sizeof keepers / sizeof *keepers; i++) {
        const struct header_field *keeper = header_section_find(edits->trial->section, keepers[i], 0);
        if (keeper != NULL && keeper->raw.len < edits->draft.cap / 2)
            header_edits_replace(edits, field, FINDING_FIELD_REPLACED, RANK_DATE, header_edits_text(keeper));
    }
    if (text.len > 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>') {
        header_edits_replace(edits, field, FINDING_FIELD_REPLACED, RANK_DATE,
                             (struct span){text.ptr + 1, text.len - 2});
    } else {
        draft = header_edits_draft(edits, field);
        bytes_append_text(draft, "<");
        bytes_append(draft, text);
        bytes_append_text(draft, ">");
        header_edits_commit(edits, field, FINDING_FIELD_REPLACED, RANK_DATE, nothing);
    }
}
