#include "http/tester_rows.h"
#include <stdio.h>
#include <time.h>
#include "verifier/arc_report.h"
#include "verifier/dkim_report.h"
#include "verifier/dmarc_report.h"
#include "verifier/spf_report.h"

enum { NUMBER_MAX = 24, NAME_MAX = 8192 };

/* --- words --- */

static const struct {
    const char *word, *sign;
    enum page_text text;
} moods[] = {
    [TESTER_GOOD] = {"good", "\xe2\x9c\x94", MARK_GOOD},
    [TESTER_BAD] = {"bad", "\xe2\x9c\x98", MARK_BAD},
    [TESTER_DOUBT] = {"doubt", "\xe2\x96\xb2", MARK_DOUBT},
    [TESTER_PLAIN] = {"plain", "\xe2\x80\xa2", MARK_PLAIN},
};

const char *tester_mood_word(enum tester_mood mood) { return moods[mood].word; }

void tester_mark_write(struct bytes *out, enum language language, enum tester_mood mood) {
    bytes_append_format(out, "<span class=\"mark\" aria-hidden=\"true\">%s</span><span class=\"hidden\">",
                        moods[mood].sign);
    page_say(out, language, moods[mood].text);
    bytes_append_text(out, " </span>");
}

static struct span digits(char text[NUMBER_MAX], uint64_t number) {
    return (struct span){text, (size_t)snprintf(text, NUMBER_MAX, "%llu", (unsigned long long)number)};
}

void tester_say_finding(struct bytes *out, enum language language, const struct finding *finding,
                        const struct phrase *phrase) {
    struct phrase_value values[FINDING_ARGS_MAX];
    char room[FINDING_ARGS_MAX][NUMBER_MAX];
    for (size_t i = 0; i < finding->arg_count; i++) {
        const struct finding_arg *arg = &finding->arg[i];
        values[i] = (struct phrase_value){arg->name, arg->is_number ? digits(room[i], arg->number) : arg->text};
    }
    page_say_phrase(out, language, phrase, values, finding->arg_count);
}

enum page_text tester_certainty_text(enum finding_class certainty) {
    return certainty == FINDING_PROVED ? CLASS_PROVED : certainty == FINDING_GUESS ? CLASS_GUESS : CLASS_EXACT;
}

static enum tester_mood mood_of(enum auth_result result) {
    switch (result) {
    case RESULT_PASS: return TESTER_GOOD;
    case RESULT_FAIL:
    case RESULT_PERMERROR: return TESTER_BAD;
    case RESULT_NONE: return TESTER_PLAIN;
    default: return TESTER_DOUBT;
    }
}

/* --- the frame of a row --- */

static void begin(struct bytes *out, enum language language, enum tester_mood mood, enum page_text label,
                  uint64_t number) {
    bytes_append_format(out, "<li class=\"%s\">", moods[mood].word);
    tester_mark_write(out, language, mood);
    bytes_append_text(out, "<strong>");
    page_say_number(out, language, label, number);
    bytes_append_text(out, "</strong> <span>");
}

static void end(struct bytes *out) { bytes_append_text(out, "</span></li>\n"); }

static void write_code(struct bytes *out, struct span text) {
    bytes_append_text(out, "<code>");
    html_text(out, text);
    bytes_append_text(out, "</code>");
}

#define MIDDLE_DOT " \xc2\xb7 "

/* --- rows --- */

static void write_received(struct bytes *out, enum language language, const struct tester_arrival *arrival) {
    begin(out, language, TESTER_GOOD,
          arrival->has_envelope      ? ROW_RECEIVED
          : arrival->is_header_alone ? ROW_HEADER_READ
                                     : ROW_PASTED,
          0);
    page_say_number(out, language, ROW_OCTETS, arrival->octets);
    if (arrival->is_repaired) bytes_append_text(out, MIDDLE_DOT), page_say(out, language, ROW_REPAIRED);
    if (arrival->has_envelope) {
        bytes_append_text(out, MIDDLE_DOT);
        if (arrival->tls != NULL)
            html_text(out, span_of(arrival->tls));
        else
            page_say(out, language, ROW_CLEAR);
        bytes_append_text(out, MIDDLE_DOT);
        html_text(out, arrival->client);
    }
    end(out);
}

/* The places that code_texts.def names. */
static void say_code(struct bytes *out, enum language language, const struct dkim_result *result) {
    char bits[NUMBER_MAX], octets[NUMBER_MAX];
    struct bytes name = bytes_with_cap(NAME_MAX);
    bytes_append(&name, result->selector);
    bytes_append_text(&name, "._domainkey.");
    bytes_append(&name, result->domain);
    const struct phrase_value values[] = {
        {"domain", result->domain},
        {"selector", result->selector},
        {"name", bytes_span(&name)},
        {"bits", digits(bits, result->key_bits)},
        {"octets", digits(octets, result->unsigned_octets)},
    };
    page_say_phrase(out, language, dkim_code_why(result->code), values, sizeof values / sizeof *values);
    bytes_release(&name);
}

static void write_no_signature(struct bytes *out, enum language language) {
    begin(out, language, TESTER_BAD, ROW_NO_SIGNATURE, 0);
    page_say_phrase(out, language, dkim_code_why(DKIM_NO_SIGNATURE), NULL, 0);
    end(out);
}

static void write_signature(struct bytes *out, enum language language, const struct tester_report *report,
                            size_t number) {
    const struct dkim_result *result = report->signature[number].result;
    begin(out, language, mood_of(result->result), ROW_SIGNATURE, number + 1);
    bytes_append_text(out, "d=");
    write_code(out, result->domain);
    bytes_append_text(out, " s=");
    write_code(out, result->selector);
    bytes_append_text(out, MIDDLE_DOT);
    say_code(out, language, result);
    end(out);
}

static bool is_key_fault(const struct dkim_result *result) {
    if (result->result == RESULT_PASS) return false;
    enum cause cause = dkim_code_cause(result->code);
    return (cause >= CAUSE_KEY_MISSING && cause <= CAUSE_KEY_HASH) ||
           (cause >= CAUSE_DNS_TIMEOUT && cause <= CAUSE_DNS_BOGUS);
}

static void write_key_facts(struct bytes *out, enum language language, const struct tester_signature *signature) {
    const struct dkim_result *result = signature->result;
    char bits[NUMBER_MAX];
    if (result->key_bits > 0) {
        bytes_append_text(out, result->key_algorithm == KEY_RSA ? MIDDLE_DOT "RSA, " : MIDDLE_DOT "Ed25519, ");
        page_say_with(out, language, STATS_BITS, &(struct phrase_value){"bits", digits(bits, result->key_bits)}, 1);
    }
    if (signature->key != NULL && !signature->key->is_given) {
        bytes_append_text(out, MIDDLE_DOT);
        page_say_number(out, language, ROW_TTL, signature->key->answer.ttl_s);
    }
    bytes_append_text(out, MIDDLE_DOT "DNSSEC ");
    page_say(out, language, page_text_of_dnssec(result->dnssec));
    if (is_key_fault(result)) bytes_append_text(out, MIDDLE_DOT), say_code(out, language, result);
}

static void write_key(struct bytes *out, enum language language, const struct tester_report *report, size_t number) {
    const struct tester_signature *signature = &report->signature[number];
    const struct dkim_result *result = signature->result;
    enum tester_mood mood = !result->has_key_answer                                ? TESTER_PLAIN
                            : is_key_fault(result)                                 ? TESTER_BAD
                            : result->weak || result->testing || !result->key_bits ? TESTER_DOUBT
                                                                                   : TESTER_GOOD;
    begin(out, language, mood, ROW_KEY, 0);
    bytes_append_text(out, "<code>");
    html_text(out, result->selector);
    bytes_append_text(out, "._domainkey.");
    html_text(out, result->domain);
    for (size_t i = 0; i < result->cname_count; i++) {
        bytes_append_text(out, "</code> \xe2\x86\x92 <code>");
        html_text(out, result->cname[i]);
    }
    bytes_append_text(out, "</code>");
    if (result->has_key_answer)
        write_key_facts(out, language, signature);
    else
        bytes_append_text(out, MIDDLE_DOT), page_say(out, language, ROW_KEY_UNASKED);
    end(out);
}

/* The first finding about this part of a signature that is not good news; the catalogue's letter tells the part. */
static const struct finding *finding_of(const struct tester_report *report, size_t number, char letter) {
    for (size_t i = 0; report->findings != NULL && i < report->findings->count; i++) {
        const struct finding *finding = &report->findings->finding[i];
        bool speaks_of_it =
            finding->has_signature && finding->signature == number && finding_name(finding->id)[0] == letter;
        if (speaks_of_it && finding_severity(finding->id) < SEVERITY_INFO) return finding;
    }
    return NULL;
}

static void write_part(struct bytes *out, enum language language, const struct tester_report *report, size_t number,
                       enum part_state state, enum page_text label, enum page_text intact, enum page_text changed,
                       char letter) {
    static const enum tester_mood of_state[] = {
        [PART_UNKNOWN] = TESTER_PLAIN, [PART_INTACT] = TESTER_GOOD, [PART_CHANGED] = TESTER_BAD};
    const struct finding *finding = state == PART_CHANGED ? finding_of(report, number, letter) : NULL;
    begin(out, language, of_state[state], label, 0);
    if (finding != NULL) {
        tester_say_finding(out, language, finding, finding_sentence(finding->id));
        bytes_append_text(out, MIDDLE_DOT);
        page_say(out, language, tester_certainty_text(finding->certainty));
    } else {
        page_say(out, language, state == PART_INTACT ? intact : state == PART_CHANGED ? changed : ROW_UNKNOWN);
    }
    end(out);
}

static void write_header(struct bytes *out, enum language language, const struct tester_report *report, size_t number) {
    write_part(out, language, report, number, report->signature[number].result->header_part, ROW_HEADER,
               ROW_HEADER_INTACT, ROW_HEADER_CHANGED, 'H');
}

static void write_body(struct bytes *out, enum language language, const struct tester_report *report, size_t number) {
    write_part(out, language, report, number, report->signature[number].result->body_part, ROW_BODY, ROW_BODY_INTACT,
               ROW_BODY_CHANGED, 'B');
}

/* Nothing when there is nothing of it in the message. */
static void write_arc(struct bytes *out, enum language language, const struct arc_result *arc) {
    if (!arc->is_evaluated || arc->code == ARC_NO_SETS) return;
    begin(out, language, mood_of(arc->result), ROW_ARC, 0);
    write_code(out, span_of(auth_result_word(arc->result)));
    bytes_append_text(out, MIDDLE_DOT);
    page_say_phrase(out, language, arc_code_why(arc->code), NULL, 0);
    end(out);
}

static void write_spf(struct bytes *out, enum language language, const struct message_result *result) {
    const struct spf_result *spf = &result->spf[result->spf[SPF_MAIL_FROM].is_evaluated ? SPF_MAIL_FROM : SPF_HELO];
    if (!spf->is_evaluated) return;
    const struct phrase_value values[] = {
        {"domain", spf->domain}, {"mechanism", spf->mechanism}, {"detail", spf->detail}};
    begin(out, language, mood_of(spf->result), ROW_SPF, 0);
    write_code(out, span_of(auth_result_word(spf->result)));
    bytes_append_text(out, MIDDLE_DOT);
    page_say_phrase(out, language, spf_code_why(spf->code), values, sizeof values / sizeof *values);
    end(out);
}

static void write_dmarc(struct bytes *out, enum language language, const struct dmarc_result *dmarc) {
    const struct phrase_value values[] = {{"domain", dmarc->domain}, {"policy_domain", dmarc->policy_domain}};
    if (!dmarc->is_evaluated) return;
    begin(out, language, mood_of(dmarc->result), ROW_DMARC, 0);
    write_code(out, span_of(auth_result_word(dmarc->result)));
    bytes_append_text(out, MIDDLE_DOT);
    page_say_phrase(out, language, dmarc_code_why(dmarc->code), values, sizeof values / sizeof *values);
    end(out);
}

void tester_rows_write(struct bytes *out, enum language language, const struct tester_report *report) {
    write_received(out, language, &report->arrival);
    if (report->signature_count == 0) write_no_signature(out, language);
    for (size_t i = 0; i < report->signature_count; i++) {
        write_signature(out, language, report, i);
        write_key(out, language, report, i);
        write_header(out, language, report, i);
        write_body(out, language, report, i);
    }
    write_arc(out, language, &report->result->arc);
    write_spf(out, language, report->result);
    write_dmarc(out, language, &report->result->dmarc);
}

/* --- live --- */

static void write_sentence(struct bytes *out, enum language language, enum tester_mood mood, enum page_text label,
                           enum page_text text) {
    begin(out, language, mood, label, 0);
    page_say(out, language, text);
    end(out);
}

void tester_rows_write_event(struct bytes *out, enum language language, const struct tester_event *event) {
    const struct tester_report *report = event->report;
    switch (event->kind) {
    case TESTER_EVENT_RECEIVED: write_received(out, language, &event->arrival); break;
    case TESTER_EVENT_SIGNATURE: write_signature(out, language, report, event->signature); break;
    case TESTER_EVENT_KEY: write_key(out, language, report, event->signature); break;
    case TESTER_EVENT_HEADER: write_header(out, language, report, event->signature); break;
    case TESTER_EVENT_BODY: write_body(out, language, report, event->signature); break;
    case TESTER_EVENT_ARC: write_arc(out, language, &report->result->arc); break;
    case TESTER_EVENT_SPF: write_spf(out, language, report->result); break;
    case TESTER_EVENT_DMARC: write_dmarc(out, language, &report->result->dmarc); break;
    case TESTER_EVENT_REPORT: write_sentence(out, language, TESTER_PLAIN, ROW_REPORT, ROW_REPORT_READY); break;
    case TESTER_EVENT_FAILED: write_sentence(out, language, TESTER_BAD, ROW_FAILED, ROW_FAILED_WHY); break;
    case TESTER_EVENT_END:
    case TESTER_EVENT_KIND_COUNT: break;
    }
}
