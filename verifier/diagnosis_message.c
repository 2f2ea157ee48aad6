#include "verifier/diagnosis_message.h"
#include <stdlib.h>
#include "base/ascii.h"
#include "verifier/domain_name.h"
#include "verifier/encoded_word.h"
#include "verifier/received_time.h"

enum { WITNESSES_MIN = 3, WITNESSES_MAX = 16, CLOCK_DRIFT_S = 300 };

static bool any_failed(const struct message_result *result) {
    for (size_t i = 0; i < result->dkim_count; i++)
        if (result->dkim[i].result != RESULT_PASS) return true;
    return false;
}

/* ---- Fields and octets ---- */

static void look_at_doubles(const struct diagnosis_input *input, struct finding_list *list) {
    static const char *const once[] = {"From", "Subject", "To", "Date", "Message-ID", "Sender", "Reply-To"};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        size_t count = header_section_count(input->section, once[i]);
        if (count < 2) continue;
        struct finding *finding = finding_add(list, FINDING_FIELD_DOUBLED);
        finding_add_text(finding, "name", span_of(once[i]));
        finding_add_number(finding, "found", count);
    }
}

static void look_at_octets(const struct diagnosis_input *input, struct finding_list *list) {
    bool is_bare = false;
    struct span body = input->body;
    for (size_t at; input->has_body && !is_bare && (at = span_find(body, '\n')) < body.len;
         body = span_after(body, at + 1))
        is_bare = at == 0 || body.ptr[at - 1] != '\r';
    if (is_bare || (input->has_body && span_find(input->body, '\0') < input->body.len))
        finding_add(list, FINDING_BARE_LINE_FEED);
}

/* ---- A file that a mail program wrote ---- */

/* What stands in files and mailboxes, never on the way: {NULL, 0} when there is none. */
static struct span mark_of(const struct header_section *section) {
    static const char *const marks[] = {"X-Mozilla-Status", "X-Mozilla-Status2", "X-Mozilla-Keys", "X-Evolution-Source",
                                        "X-Apple-Mail-Remote-Attachments"};
    static const char byte_order[] = "\xef\xbb\xbf";
    if (section->count > 0) {
        struct span first = section->fields[0].raw;
        if (first.len >= 3 && memcmp(first.ptr, byte_order, 3) == 0) return span_of("byte order mark");
        if (section->fields[0].name.len == 0 && first.len >= 5 && memcmp(first.ptr, "From ", 5) == 0)
            return span_of("From ");
    }
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (header_section_count(section, marks[i]) > 0) return span_of(marks[i]);
    return (struct span){NULL, 0};
}

static void look_at_file(const struct diagnosis_input *input, struct finding_list *list) {
    struct span mark = mark_of(input->section);
    if (mark.len == 0 || !any_failed(input->result)) return;
    struct finding *finding = finding_add(list, FINDING_SAVED_FILE);
    finding->certainty = FINDING_GUESS; /* that it is one is certain; that it harms is not */
    finding_add_text(finding, "found", mark);
}

/* ---- The author that a reader sees ---- */

/* What mail programs show in the place of the address: the words in front of <, or a comment behind an address alone.
 */
static struct span shown_name(struct span body) {
    for (size_t i = body.len; i-- > 0;)
        if (body.ptr[i] == '<') return span_first(body, i);
    size_t open = span_find(body, '(');
    return span_after(body, open);
}

static bool ends_an_address(char c) {
    struct span others = span_of("\"'()<>[],;:\\");
    return ascii_is_space(c) || span_find(others, c) < others.len;
}

/* The first word of text like local@domain.tld; {NULL, 0}: none. */
static struct span address_in(struct span text) {
    for (size_t at = 0; at < text.len; at++) {
        size_t from = at, to = at + 1;
        if (text.ptr[at] != '@') continue;
        while (from > 0 && !ends_an_address(text.ptr[from - 1])) from--;
        while (to < text.len && !ends_an_address(text.ptr[to]) && text.ptr[to] != '@') to++;
        struct span domain = {text.ptr + at + 1, to - at - 1};
        size_t dot = span_find(domain, '.');
        if (from < at && dot > 0 && dot + 1 < domain.len) return (struct span){text.ptr + from, to - from};
    }
    return (struct span){NULL, 0};
}

static bool fits_author(struct span address, struct span author) {
    char domain[DOMAIN_NAME_MAX];
    size_t len = domain_name_write(span_after(address, span_find(address, '@') + 1), true, domain);
    return len > 0 && domain_name_is_related((struct span){domain, len}, author);
}

static void look_at_author(const struct diagnosis_input *input, struct arena *arena, struct finding_list *list) {
    const struct message_result *result = input->result;
    const struct header_field *from = header_section_find(input->section, "From", 0);
    if (from == NULL) return;
    if (result->from_addresses > 1) {
        finding_add_number(finding_add(list, FINDING_FROM_SEVERAL), "found", result->from_addresses);
        return;
    }
    struct bytes name = bytes_with_cap(from->body.len + 1);
    if (result->from_domain.len > 0 && encoded_word_decode(shown_name(from->body), &name)) {
        struct span address = address_in(bytes_span(&name));
        if (address.len > 0 && !fits_author(address, result->from_domain)) {
            struct finding *finding = finding_add(list, FINDING_FROM_DISGUISED);
            finding_add_text(finding, "found", arena_copy(arena, address));
            finding_add_text(finding, "domain", result->from_domain);
        }
    }
    bytes_release(&name);
}

/* ---- Clocks ---- */

static int by_time(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* When others say that they saw the message: each Received field, and each signing domain once. */
static size_t read_clocks(const struct diagnosis_input *input, const struct diagnosis_signatures *all,
                          int64_t time_s[WITNESSES_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < input->section->count && count < WITNESSES_MAX / 2; i++)
        if (span_is_nocase(input->section->fields[i].name, "Received") &&
            received_time_read(input->section->fields[i].body, &time_s[count]))
            count++;
    for (size_t i = 0; i < all->count && count < WITNESSES_MAX; i++) {
        bool is_new = all->signature[i].has_timestamp;
        for (size_t k = 0; k < i; k++)
            is_new &= !span_equal(all->signature[k].domain_ascii, all->signature[i].domain_ascii);
        if (is_new) time_s[count++] = all->signature[i].timestamp_s;
    }
    return count;
}

/* Nobody can have seen a message later than now: when most say so, it is our clock that is behind. */
static void look_at_clocks(const struct diagnosis_input *input, const struct diagnosis_signatures *all,
                           struct finding_list *list) {
    int64_t time_s[WITNESSES_MAX];
    size_t count = input->has_now ? read_clocks(input, all, time_s) : 0;
    if (count < WITNESSES_MIN) return;
    qsort(time_s, count, sizeof *time_s, by_time);
    int64_t median_s = time_s[(count - 1) / 2];
    if (median_s <= input->now_s || median_s - input->now_s <= CLOCK_DRIFT_S) return;
    struct finding *finding = finding_add(list, FINDING_OUR_CLOCK);
    finding->certainty = FINDING_GUESS;
    finding_add_number(finding, "found", (uint64_t)(median_s - input->now_s));
    finding_add_number(finding, "expected", count);
}

void diagnosis_message_look(const struct diagnosis_input *input, const struct diagnosis_signatures *all,
                            struct arena *arena, struct finding_list *list) {
    look_at_doubles(input, list);
    look_at_octets(input, list);
    look_at_file(input, list);
    look_at_author(input, arena, list);
    look_at_clocks(input, all, list);
}
