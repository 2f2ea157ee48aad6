#include "verifier/received_time.h"
#include "base/ascii.h"
#include "verifier/header_section.h"

enum { YEAR_LEAST = 1970, YEAR_MOST = 9999, SECONDS_A_DAY = 86400 };

/* RFC 5322 section 3.3, token by token; once is_bad, nothing is read any more. */
struct reader {
    struct span rest;
    bool is_bad;
};

static char peek(const struct reader *reader) { return reader->rest.len > 0 ? reader->rest.ptr[0] : '\0'; }

static void skip_comment(struct reader *reader) {
    size_t depth = 0;
    do {
        char c = peek(reader);
        size_t len = c == '\\' ? 2 : 1;
        if (reader->rest.len < len) {
            reader->is_bad = true;
            return;
        }
        if (c == '(') depth++;
        if (c == ')') depth--;
        reader->rest = span_after(reader->rest, len);
    } while (depth > 0);
}

/* CR and LF count as white space: header_section has looked at the folds. */
static void skip_fws(struct reader *reader) {
    while (ascii_is_space(peek(reader))) reader->rest = span_after(reader->rest, 1);
}

static void expect_fws(struct reader *reader) {
    reader->is_bad |= !ascii_is_space(peek(reader));
    skip_fws(reader);
}

static void skip_cfws(struct reader *reader) {
    for (skip_fws(reader); !reader->is_bad && peek(reader) == '('; skip_fws(reader)) skip_comment(reader);
}

static void expect(struct reader *reader, char c) {
    if (reader->is_bad || peek(reader) != c) reader->is_bad = true;
    else reader->rest = span_after(reader->rest, 1);
}

/* least to most digits, up to the first other octet. */
static int digits(struct reader *reader, size_t least, size_t most) {
    int value = 0;
    size_t len = 0;
    while (len < reader->rest.len && len < most && ascii_is_digit(reader->rest.ptr[len]))
        value = value * 10 + (reader->rest.ptr[len++] - '0');
    reader->is_bad |= len < least || (len < reader->rest.len && ascii_is_digit(reader->rest.ptr[len]));
    if (!reader->is_bad) reader->rest = span_after(reader->rest, len);
    return value;
}

/* Index of the three-letter name, any case; -1: none. */
static int name(struct reader *reader, const char *names) {
    if (!reader->is_bad && reader->rest.len >= 3)
        for (int i = 0; names[3 * i] != '\0'; i++)
            if (span_equal_nocase(span_first(reader->rest, 3), (struct span){names + 3 * i, 3})) {
                reader->rest = span_after(reader->rest, 3);
                return i;
            }
    return -1;
}

/* Days from 1970-01-01 to the first of January of year. */
static int64_t days_to_year(int year) {
    int64_t past = year - 1;
    return 365 * (int64_t)(year - 1970) + (past / 4 - past / 100 + past / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* month from 0, day from 1; false: there is no such day. */
static bool days_to_date(int year, int month, int day, int64_t *days) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int length = lengths[month] + (month == 1 && is_leap(year));
    if (day < 1 || day > length) return false;
    *days = days_to_year(year) + day - 1;
    for (int i = 0; i < month; i++) *days += lengths[i] + (i == 1 && is_leap(year));
    return true;
}

/* [ day-name "," ] day month year, in days since 1970. */
static int64_t read_date(struct reader *reader) {
    int64_t days = 0;
    skip_fws(reader);
    int weekday = name(reader, "MonTueWedThuFriSatSun");
    if (weekday >= 0) expect(reader, ',');
    skip_fws(reader);
    int day = digits(reader, 1, 2);
    expect_fws(reader);
    int month = name(reader, "JanFebMarAprMayJunJulAugSepOctNovDec");
    expect_fws(reader);
    int year = digits(reader, 4, 4);
    expect_fws(reader);
    if (reader->is_bad || month < 0 || year < YEAR_LEAST || year > YEAR_MOST || !days_to_date(year, month, day, &days))
        reader->is_bad = true;
    else if (weekday >= 0 && weekday != (days + 3) % 7) /* 1970 began on a Thursday */
        reader->is_bad = true;
    return days;
}

/* hour ":" minute [ ":" second ], in seconds. */
static int64_t read_time(struct reader *reader) {
    int hour = digits(reader, 2, 2), second = 0;
    expect(reader, ':');
    int minute = digits(reader, 2, 2);
    if (peek(reader) == ':') {
        expect(reader, ':');
        second = digits(reader, 2, 2);
    }
    expect_fws(reader);
    reader->is_bad |= hour > 23 || minute > 59 || second > 60; /* a leap second counts as the next one */
    return hour * 3600 + minute * 60 + second;
}

/* ( "+" / "-" ) 4DIGIT, in seconds east of Greenwich. */
static int64_t read_zone(struct reader *reader) {
    bool is_west = peek(reader) == '-';
    expect(reader, is_west ? '-' : '+');
    int zone = digits(reader, 4, 4);
    reader->is_bad |= zone % 100 > 59;
    int64_t offset = zone / 100 * 3600 + zone % 100 * 60;
    return is_west ? -offset : offset;
}

bool received_time_read(struct span body, int64_t *unix_s) {
    size_t start = body.len;
    while (start > 0 && body.ptr[start - 1] != ';') start--;
    if (start == 0) return false;
    struct reader reader = {.rest = span_after(body, start)};
    int64_t days = read_date(&reader);
    int64_t time = read_time(&reader);
    int64_t zone = read_zone(&reader);
    skip_cfws(&reader);
    if (reader.is_bad || reader.rest.len > 0) return false;
    *unix_s = days * SECONDS_A_DAY + time - zone;
    return true;
}

bool received_time_of(const struct header_section *section, int64_t *unix_s) {
    const struct header_field *field = header_section_find(section, "Received", 0);
    return field != NULL && received_time_read(field->body, unix_s);
}
