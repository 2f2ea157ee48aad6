/* The text of a TXT record in, as DNS may bring anything; its first octet says whether as SPF or as DMARC. What is
 * quoted of it lies inside it, at the position that is told. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "verifier/dmarc_record.h"
#include "verifier/policy_judge.h"
#include "verifier/spf_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds) {
    if (!holds) abort();
}

static const struct finding_arg *find(const struct finding *finding, const char *name) {
    for (size_t i = 0; i < finding->arg_count; i++)
        if (strcmp(finding->arg[i].name, name) == 0) return &finding->arg[i];
    return NULL;
}

static bool has_fault(const struct finding_list *list) {
    for (size_t i = 0; i < list->count; i++)
        if (find(&list->finding[i], "position") != NULL) return true;
    return false;
}

static bool has(const struct finding_list *list, enum finding_id id) {
    for (size_t i = 0; i < list->count; i++)
        if (list->finding[i].id == id) return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct finding_list list = {.count = 0};
    struct spf_record spf;
    struct dmarc_record dmarc;
    struct span text = {(const char *)data + 1, size - 1}, term, domain = span_of("d.example");
    if (size == 0) return 0;
    bool is_spf = data[0] == 's';
    (is_spf ? policy_judge_spf : policy_judge_dmarc)(text, domain, &list);
    for (size_t i = 0; i < list.count; i++) {
        const struct finding_arg *found = find(&list.finding[i], "found"),
                                 *position = find(&list.finding[i], "position");
        if (position == NULL) continue;
        expect(position->number >= 1 && position->number - 1 + found->text.len <= text.len);
        expect(found->text.len == 0 || found->text.ptr == text.ptr + position->number - 1);
    }
    if (is_spf) expect(has_fault(&list) == (spf_record_parse(text, &spf, &term) != SPF_RECORD_OK));
    if (is_spf) return 0;
    enum dmarc_record_status status = dmarc_record_parse(text, &dmarc);
    expect(has(&list, FINDING_DMARC_NO_VERSION) == (status == DMARC_RECORD_FOREIGN));
    if (status == DMARC_RECORD_NO_POLICY)
        expect(has(&list, FINDING_DMARC_NO_POLICY) || has(&list, FINDING_DMARC_BAD_POLICY));
    return 0;
}
