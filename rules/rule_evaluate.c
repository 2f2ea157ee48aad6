#include <stdlib.h>
#include "base/ascii.h"
#include "base/bytes.h"
#include "rules/rule_input.h"
#include "rules/rule_run.h"
#include "rules/rule_set.h"
#include "verifier/header_section.h"

enum {
    SCRATCH_ARENA_MAX = 16 << 20,
    REPLY_TEXT_MAX = 400, /* octets of a reply's text, so that its line stays below 510 */
    TRACE_VALUE_MAX = 300,
    TRACES_MAX = 100000,
};

struct rule_scratch {
    struct arena *arena;
    struct pattern_scratch *patterns;
    bool wants_trace;
    struct rule_edit edits[RULE_EDITS_MAX + 1]; /* one more for the mark of a quarantine */
    struct rule_event *events;
    struct rule_trace *traces;
    size_t edit_count, event_count, event_room, trace_count, trace_room;
};

/* What is the case with the armed rules alone, and what would be with the shadow rules armed, too. */
struct world {
    bool is_stopped, is_overridden;
    struct span override_reason;
    struct rule_decision decision;
};

struct evaluation {
    struct rule_run run;
    struct rule_scratch *scratch;
    struct world real, shadow;
    uint32_t rule;           /* that is looked at */
    bool in_real, in_shadow; /* where its actions take place */
    bool no_memory;
};

static const struct span none;

struct rule_scratch *rule_scratch_create(bool wants_trace) {
    struct rule_scratch *scratch = calloc(1, sizeof *scratch);
    if (scratch == NULL) return NULL;
    scratch->wants_trace = wants_trace;
    scratch->arena = arena_create(SCRATCH_ARENA_MAX);
    scratch->patterns = pattern_scratch_create();
    if (scratch->arena != NULL && scratch->patterns != NULL) return scratch;
    rule_scratch_destroy(scratch);
    return NULL;
}

void rule_scratch_destroy(struct rule_scratch *scratch) {
    if (scratch == NULL) return;
    arena_destroy(scratch->arena);
    pattern_scratch_destroy(scratch->patterns);
    free(scratch->events);
    free(scratch->traces);
    free(scratch);
}

static void *grow(void *array, size_t *room, size_t count, size_t size) {
    if (count < *room) return array;
    size_t wanted = *room > 0 ? *room * 2 : 32;
    void *grown = realloc(array, wanted * size);
    if (grown != NULL) *room = wanted;
    return grown;
}

static struct span keep(struct evaluation *evaluation, const struct bytes *text) {
    struct span copy = arena_copy(evaluation->scratch->arena, bytes_span(text));
    evaluation->no_memory |= copy.ptr == NULL && text->len > 0;
    return copy;
}

/* --- what is handed out ------------------------------------------------------------------------------------------- */

static const struct rule_program *program(const struct evaluation *evaluation) {
    return &evaluation->run.set->rules[evaluation->rule];
}

/* An armed rule that applies only because a shadow rule would have overridden something is no event: nothing happened,
 * and its own counts are those of what happens. */
static void add_event(struct evaluation *evaluation, enum rule_event_kind kind, struct span log) {
    struct rule_scratch *scratch = evaluation->scratch;
    if (!evaluation->in_real && !program(evaluation)->is_shadow) return;
    struct rule_event *events = grow(scratch->events, &scratch->event_room, scratch->event_count, sizeof *events);
    if (events == NULL) {
        evaluation->no_memory = true;
        return;
    }
    scratch->events = events;
    events[scratch->event_count++] = (struct rule_event){kind, evaluation->rule, log};
}

static struct span text_of(struct evaluation *evaluation, const struct rule_text *text, size_t most) {
    struct bytes out = bytes_with_cap(most);
    struct span name = evaluation->rule == RULE_NONE ? span_of("default") : program(evaluation)->name;
    rule_text_write(&evaluation->run, text, name, &out);
    struct span kept = keep(evaluation, &out);
    bytes_release(&out);
    return kept;
}

static bool add_edit(struct evaluation *evaluation, struct rule_edit edit, size_t most) {
    struct rule_scratch *scratch = evaluation->scratch;
    if (scratch->edit_count >= most) return false;
    edit.rule = evaluation->rule;
    scratch->edits[scratch->edit_count++] = edit;
    return true;
}

static void add_trace(struct evaluation *evaluation, struct rule_trace trace, const struct bytes *value) {
    struct rule_scratch *scratch = evaluation->scratch;
    if (scratch->trace_count == TRACES_MAX) return;
    struct rule_trace *traces = grow(scratch->traces, &scratch->trace_room, scratch->trace_count, sizeof *traces);
    if (traces == NULL) {
        evaluation->no_memory = true;
        return;
    }
    trace.rule = evaluation->rule;
    trace.value = keep(evaluation, value);
    scratch->traces = traces;
    traces[scratch->trace_count++] = trace;
}

static void trace_comparison(struct evaluation *evaluation, const struct rule_comparison *comparison,
                             enum rule_truth truth) {
    struct bytes raw = bytes_with_cap(TRACE_VALUE_MAX * 4), shown = bytes_with_cap(TRACE_VALUE_MAX);
    bool has_value = rule_compare_write_subject(&evaluation->run, comparison, &raw);
    for (size_t i = 0; i < raw.len && shown.len < TRACE_VALUE_MAX - 4; i++) {
        char c = raw.ptr[i];
        if (ascii_is_graph(c) || c == ' ')
            bytes_append_char(&shown, c);
        else
            bytes_append_format(&shown, "\\x%02x", (unsigned char)c);
    }
    add_trace(evaluation, (struct rule_trace){.truth = truth, .text = comparison->text, .has_value = has_value},
              &shown);
    bytes_release(&raw);
    bytes_release(&shown);
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

static enum rule_truth both(enum rule_truth a, enum rule_truth b) {
    if (a == RULE_FALSE || b == RULE_FALSE) return RULE_FALSE;
    return a == RULE_UNKNOWN || b == RULE_UNKNOWN ? RULE_UNKNOWN : RULE_TRUE;
}

static enum rule_truth not(enum rule_truth a) {
    return a == RULE_UNKNOWN ? a
           : a == RULE_TRUE  ? RULE_FALSE
                             : RULE_TRUE;
}

static enum rule_truth either(enum rule_truth a, enum rule_truth b) { return not(both(not(a), not(b))); }

static enum rule_truth compare(struct evaluation *evaluation, uint32_t index) {
    const struct rule_comparison *comparison = &evaluation->run.set->comparisons[index];
    enum rule_truth truth = rule_compare(&evaluation->run, comparison);
    if (evaluation->scratch->wants_trace) trace_comparison(evaluation, comparison, truth);
    return truth;
}

/* One condition as it runs. */
struct machine {
    const struct rule_set *set;
    uint32_t at; /* code */
    enum rule_truth truth, loop_truth;
    enum rule_truth stack[RULE_STACK_MAX];
    size_t depth;
};

static void begin_loop(struct evaluation *evaluation, struct machine *machine, const struct rule_loop *loop) {
    struct rule_run *run = &evaluation->run;
    machine->truth = RULE_FALSE; /* of nothing, nothing holds */
    machine->at = loop->end;
    if (rule_view_count(&run->view, loop->scope) == 0) return;
    run->has_loop = true;
    run->loop_scope = loop->scope;
    run->loop_index = 0;
    machine->loop_truth = loop->is_all ? RULE_TRUE : RULE_FALSE;
    machine->at = loop->body;
}

static void next_in_loop(struct evaluation *evaluation, struct machine *machine, const struct rule_loop *loop) {
    struct rule_run *run = &evaluation->run;
    machine->loop_truth = (loop->is_all ? both : either)(machine->loop_truth, machine->truth);
    bool is_decided = machine->loop_truth == (loop->is_all ? RULE_FALSE : RULE_TRUE);
    machine->at = loop->body;
    if (!is_decided && ++run->loop_index < rule_view_count(&run->view, loop->scope)) return;
    run->has_loop = false;
    machine->truth = machine->loop_truth;
    machine->at = loop->end;
}

/* Does what is known decide already (of an and: false, of an or: true)? Else it waits on the stack. */
static void decide_or_push(struct machine *machine, enum rule_truth decides, uint32_t end) {
    if (machine->truth == decides)
        machine->at = end;
    else
        machine->stack[machine->depth++] = machine->truth;
}

static enum rule_truth run_condition(struct evaluation *evaluation, uint32_t start) {
    struct machine machine = {.set = evaluation->run.set, .at = start, .truth = RULE_TRUE};
    for (;;) {
        struct rule_code code = machine.set->codes[machine.at++];
        switch (code.kind) {
        case CODE_COMPARE: machine.truth = compare(evaluation, code.arg); break;
        case CODE_NOT: machine.truth = not(machine.truth); break;
        case CODE_UNLESS: decide_or_push(&machine, RULE_FALSE, code.arg); break;
        case CODE_IF: decide_or_push(&machine, RULE_TRUE, code.arg); break;
        case CODE_AND: machine.truth = both(machine.stack[--machine.depth], machine.truth); break;
        case CODE_OR: machine.truth = either(machine.stack[--machine.depth], machine.truth); break;
        case CODE_LOOP: begin_loop(evaluation, &machine, &machine.set->loops[code.arg]); break;
        case CODE_NEXT: next_in_loop(evaluation, &machine, &machine.set->loops[code.arg]); break;
        case CODE_END: return machine.truth;
        }
    }
}

/* --- actions ------------------------------------------------------------------------------------------------------ */

static enum rule_verdict verdict_of(enum rule_action_kind kind) {
    switch (kind) {
    case ACTION_REJECT: return RULE_REJECT;
    case ACTION_TEMPFAIL: return RULE_TEMPFAIL;
    case ACTION_DISCARD: return RULE_DISCARD;
    case ACTION_QUARANTINE: return RULE_QUARANTINE;
    default: return RULE_ACCEPT;
    }
}

static struct rule_decision decision_of(struct evaluation *evaluation, const struct rule_step *step) {
    struct rule_decision decision = {.verdict = verdict_of(step->kind),
                                     .rule = evaluation->rule,
                                     .code = step->code,
                                     .enhanced = step->enhanced,
                                     .downstream = step->target};
    decision.text = text_of(evaluation, &step->text, REPLY_TEXT_MAX);
    if (decision.text.len == 0 && step->kind == ACTION_REJECT) decision.text = span_of("Message refused by policy");
    if (decision.text.len == 0 && step->kind == ACTION_TEMPFAIL)
        decision.text = span_of("Message deferred by policy, try again later");
    return decision;
}

static void for_worlds(struct evaluation *evaluation, void (*act)(struct world *world, const void *what),
                       const void *what) {
    if (evaluation->in_real) act(&evaluation->real, what);
    if (evaluation->in_shadow) act(&evaluation->shadow, what);
}
static void set_decision(struct world *world, const void *decision) {
    world->decision = *(const struct rule_decision *)decision;
}
static void set_stopped(struct world *world, const void *nothing) { (void)nothing, world->is_stopped = true; }
static void set_override(struct world *world, const void *reason) {
    world->is_overridden = true;
    world->override_reason = *(const struct span *)reason;
}

/* False: it cannot be carried out. */
static bool edit(struct evaluation *evaluation, const struct rule_step *step) {
    struct rule_edit made = {.name = step->name, .value = step->target};
    switch (step->kind) {
    case ACTION_ADD: made.kind = RULE_ADD_FIELD; break;
    case ACTION_REMOVE: made.kind = RULE_REMOVE_FIELD; break;
    case ACTION_TAG: made.kind = RULE_TAG_SUBJECT; break;
    default: made.kind = RULE_REDIRECT; break;
    }
    if (!evaluation->in_real) return true;
    if (step->kind == ACTION_ADD || step->kind == ACTION_TAG)
        made.value = text_of(evaluation, &step->text, RULE_TEXT_MAX);
    return add_edit(evaluation, made, RULE_EDITS_MAX);
}

static void act(struct evaluation *evaluation, const struct rule_step *step, struct span *log, bool *failed) {
    struct rule_decision decision;
    struct span text;
    switch (step->kind) {
    case ACTION_ADD:
    case ACTION_REMOVE:
    case ACTION_TAG:
    case ACTION_REDIRECT: *failed |= !edit(evaluation, step); break;
    case ACTION_OVERRIDE:
        text = text_of(evaluation, &step->text, REPLY_TEXT_MAX);
        for_worlds(evaluation, set_override, &text);
        break;
    case ACTION_LOG: *log = text_of(evaluation, &step->text, REPLY_TEXT_MAX); break;
    case ACTION_STOP:
    case ACTION_CONTINUE: break;
    default:
        decision = decision_of(evaluation, step);
        for_worlds(evaluation, set_decision, &decision);
        break;
    }
}

static void apply(struct evaluation *evaluation) {
    const struct rule_program *rule = program(evaluation);
    struct span log = none;
    bool stops = false, failed = false;
    for (uint32_t i = 0; i < rule->step_count; i++) {
        const struct rule_step *step = &evaluation->run.set->steps[rule->step + i];
        act(evaluation, step, &log, &failed);
        stops |= step->kind == ACTION_STOP || (step->kind <= ACTION_QUARANTINE && !rule->continues);
    }
    add_event(evaluation, rule->is_shadow ? RULE_EVENT_SHADOW : RULE_EVENT_HIT, log);
    if (failed) add_event(evaluation, rule->is_shadow ? RULE_EVENT_SHADOW_ERROR : RULE_EVENT_ERROR, none);
    if (stops) for_worlds(evaluation, set_stopped, NULL);
}

/* The condition is neither true nor false: counted always, and then what the operator has said. */
static void apply_error(struct evaluation *evaluation) {
    const struct rule_program *rule = program(evaluation);
    add_event(evaluation, rule->is_shadow ? RULE_EVENT_SHADOW_ERROR : RULE_EVENT_ERROR, none);
    if (!rule->has_on_error || rule->skips_errors) return;
    struct rule_decision decision = decision_of(evaluation, &rule->on_error);
    decision.is_on_error = true;
    for_worlds(evaluation, set_decision, &decision);
    for_worlds(evaluation, set_stopped, NULL);
}

/* --- rule by rule ------------------------------------------------------------------------------------------------- */

static enum rule_truth judge_condition(struct evaluation *evaluation, const struct world *world) {
    const struct rule_program *rule = program(evaluation);
    evaluation->run.view.is_overridden = world->is_overridden;
    enum rule_truth truth = run_condition(evaluation, rule->code);
    if (evaluation->scratch->wants_trace) {
        struct bytes nothing = bytes_with_cap(0);
        add_trace(evaluation, (struct rule_trace){.is_rule = true, .truth = truth, .text = rule->condition}, &nothing);
    }
    return truth;
}

static void act_on(struct evaluation *evaluation, enum rule_truth truth, bool in_real, bool in_shadow) {
    evaluation->in_real = in_real;
    evaluation->in_shadow = in_shadow;
    if (!in_real && !in_shadow) return;
    if (truth == RULE_TRUE) apply(evaluation);
    if (truth == RULE_UNKNOWN) apply_error(evaluation);
}

/* Armed rules act in both worlds, those in shadow in theirs alone, and nothing acts in a world that has stopped.
 * Conditions can come out differently only where one world has an override that the other has not. */
static void judge_rule(struct evaluation *evaluation, uint32_t index) {
    evaluation->rule = index;
    bool in_real = !program(evaluation)->is_shadow && !evaluation->real.is_stopped;
    bool in_shadow = !evaluation->shadow.is_stopped;
    bool are_apart = in_real && in_shadow && evaluation->real.is_overridden != evaluation->shadow.is_overridden;
    if (!in_real && !in_shadow) return;
    if (!are_apart) {
        act_on(evaluation, judge_condition(evaluation, in_real ? &evaluation->real : &evaluation->shadow), in_real,
               in_shadow);
        return;
    }
    enum rule_truth in_first = judge_condition(evaluation, &evaluation->real);
    enum rule_truth in_second = judge_condition(evaluation, &evaluation->shadow);
    act_on(evaluation, in_first, true, false);
    act_on(evaluation, in_second, false, true);
}

/* Bits of the rules that can hold: those that wait for no literal, and those one of whose literals was seen. */
static uint64_t *find_due(struct evaluation *evaluation, const struct rule_input *input) {
    const struct rule_set *set = evaluation->run.set;
    struct arena *arena = evaluation->scratch->arena;
    size_t rule_words = set->rule_count / 64 + 1, literal_words = literal_set_words(set->literal_count) + 1;
    uint64_t *due = arena_alloc(arena, rule_words * sizeof *due),
             *seen = arena_alloc(arena, literal_words * sizeof *seen);
    uint32_t state = 0;
    if (due == NULL || seen == NULL) return NULL;
    evaluation->run.seen = seen;
    memcpy(due, set->always, rule_words * sizeof *due);
    if (set->literals != NULL) literal_set_scan(set->literals, &state, bytes_span(&input->header->octets), seen);
    if (evaluation->scratch->wants_trace) memset(due, 0xff, rule_words * sizeof *due);
    for (size_t word = 0; word < literal_words; word++)
        for (uint64_t bits = seen[word]; bits != 0; bits &= bits - 1) {
            size_t literal = word * 64 + (size_t)__builtin_ctzll(bits);
            for (uint32_t i = set->waiting_from[literal]; i < set->waiting_from[literal + 1]; i++)
                due[set->waiting[i] / 64] |= (uint64_t)1 << (set->waiting[i] % 64);
        }
    return due;
}

static void judge_rules(struct evaluation *evaluation, const uint64_t *due) {
    size_t count = evaluation->run.set->rule_count;
    for (size_t word = 0; word <= count / 64; word++)
        for (uint64_t bits = due[word]; bits != 0; bits &= bits - 1) {
            size_t rule = word * 64 + (size_t)__builtin_ctzll(bits);
            bool is_over = evaluation->real.is_stopped && evaluation->shadow.is_stopped;
            if (rule >= count || is_over || evaluation->no_memory) return;
            judge_rule(evaluation, (uint32_t)rule);
        }
}

static void mark_quarantine(struct evaluation *evaluation) {
    const struct rule_decision *decision = &evaluation->real.decision;
    struct bytes value = bytes_with_cap(RULE_TEXT_MAX);
    if (decision->verdict != RULE_QUARANTINE || decision->downstream.len > 0) return;
    evaluation->rule = decision->rule;
    bytes_append(&value, decision->rule == RULE_NONE ? span_of("default") : program(evaluation)->name);
    if (decision->text.len > 0) bytes_append_text(&value, "; "), bytes_append(&value, decision->text);
    struct rule_edit mark = {
        .kind = RULE_ADD_FIELD, .name = span_of("X-Sceau-Quarantine"), .value = keep(evaluation, &value)};
    add_edit(evaluation, mark, RULE_EDITS_MAX + 1);
    evaluation->no_memory |= value.failed;
    bytes_release(&value);
}

static bool give_up(struct rule_outcome *out) {
    struct rule_decision decision = {.verdict = RULE_TEMPFAIL,
                                     .rule = RULE_NONE,
                                     .is_on_error = true,
                                     .code = 451,
                                     .enhanced = span_of("4.3.0"),
                                     .text = span_of("Rules cannot be evaluated now, try again later")};
    *out = (struct rule_outcome){.decision = decision, .shadow = decision};
    return false;
}

bool rule_set_evaluate(const struct rule_set *set, const struct rule_input *input, struct rule_scratch *scratch,
                       struct rule_outcome *out) {
    struct evaluation evaluation = {
        .scratch = scratch, .rule = RULE_NONE, .run = {.set = set, .patterns = scratch->patterns}};
    arena_reset(scratch->arena);
    scratch->edit_count = scratch->event_count = scratch->trace_count = 0;
    const uint64_t *due = find_due(&evaluation, input);
    if (due == NULL || !rule_view_init(&evaluation.run.view, input, scratch->arena) ||
        !rule_fields_init(&evaluation.run.fields, &set->names, input->header, scratch->arena))
        return give_up(out);
    struct rule_decision decision = {.verdict = RULE_ACCEPT, .rule = RULE_NONE};
    if (set->has_default) decision = decision_of(&evaluation, &set->default_step);
    evaluation.real.decision = evaluation.shadow.decision = decision;
    judge_rules(&evaluation, due);
    mark_quarantine(&evaluation);
    if (evaluation.no_memory) return give_up(out);
    *out = (struct rule_outcome){
        .decision = evaluation.real.decision,
        .shadow = evaluation.shadow.decision,
        .edit_count = scratch->edit_count,
        .event_count = scratch->event_count,
        .trace_count = scratch->trace_count,
        .edit = scratch->edits,
        .event = scratch->events,
        .trace = scratch->traces,
        .is_overridden = evaluation.real.is_overridden,
        .override_reason = evaluation.real.override_reason,
        .pattern_failures = evaluation.run.pattern_failures,
    };
    return true;
}
