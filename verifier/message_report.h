/* verifier/message_report.h -- what was found out about one message, as a JSON object (design.md section 12) or as a few
 * lines for people: one line a check, the reason and the cure under what failed. Puts together what the reports of the
 * single methods write. Pure but for the buffer. Octets of the message are escaped; nothing of it is obeyed by a terminal. */
#pragma once
#include "base/json.h"
#include "verifier/finding.h"
#include "verifier/report.h"

/* What rules say about the message: the word of the verdict, and the rule that gave it (empty: none, the default did). */
struct message_action {
    const char *verdict;
    struct span rule;
    unsigned code; /* 0: no refusal */
    struct span enhanced, text;
};

struct message_report {
    struct span file;      /* name for people; any octets */
    struct span our_field; /* the Authentication-Results field that we would write, with its final CRLF */
    struct span seal;      /* the fields of the ARC set that we would add, each with its final CRLF; may be empty */
    const struct message_result *result;
    const struct message_action *action; /* NULL: no rules were asked */
    const struct finding_list *findings; /* of a diagnosis; NULL: none was made */
};

/* Writes one object: file, size, dkim, arc, spf, dmarc, iprev, headers, action, findings. Methods that were not run are
 * null. */
void message_report_write_json(struct json *json, const struct message_report *report);
/* Of it the part of each method, into an object that is open: dkim, arc, spf, dmarc, iprev. */
void message_report_write_methods(struct json *json, const struct message_result *result);
/* Appends the lines for people. */
void message_report_write_text(struct bytes *out, const struct message_report *report, struct report_style style);
