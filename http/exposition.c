#include "http/exposition.h"
#include <string.h>
#include "base/log.h"
#include "base/metrics.h"
#include "base/named_counts.h"
#include "http/domain_stats.h"
#include "http/negotiate.h"
#include "http/process_stats.h"

enum exposition_format exposition_format_for(struct span accept) {
    int open_metrics = negotiate_quality(accept, "application/openmetrics-text");
    return open_metrics > 0 && open_metrics >= negotiate_quality(accept, "text/plain") ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
}

const char *exposition_content_type(enum exposition_format format) {
    return format == EXPOSITION_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                            : "text/plain; version=0.0.4; charset=utf-8";
}

/* A family's lines, one after the other. */
struct writer {
    struct bytes *out;
    enum exposition_format format;
    const char *name;  /* of the family, as in the text format: a counter's ends in _total */
    size_t label_count; /* written for the sample under way */
};

static void append_escaped(struct bytes *out, struct span text, bool escape_quote) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n') bytes_append_text(out, "\\n");
        else if (c == '\\' || (escape_quote && c == '"')) bytes_append(out, (struct span){(const char[]){'\\', c}, 2});
        else bytes_append_char(out, c);
    }
}

/* The name as # lines have it: OpenMetrics leaves _total and _info to the samples. */
static struct span family_name(const struct writer *writer, const char *type) {
    struct span name = span_of(writer->name);
    const char *suffix = strcmp(type, "counter") == 0 ? "_total" : strcmp(type, "info") == 0 ? "_info" : "";
    return writer->format == EXPOSITION_OPENMETRICS ? span_first(name, name.len - strlen(suffix)) : name;
}

static void comment(struct writer *writer, const char *keyword, const char *type, const char *text) {
    bytes_append_text(writer->out, keyword);
    bytes_append(writer->out, family_name(writer, type));
    bytes_append_char(writer->out, ' ');
    append_escaped(writer->out, span_of(text), writer->format == EXPOSITION_OPENMETRICS);
    bytes_append_char(writer->out, '\n');
}

static void begin_family(struct writer *writer, const char *name, const char *type, const char *unit, const char *help) {
    bool is_info = strcmp(type, "info") == 0;
    writer->name = name;
    comment(writer, "# HELP ", type, help);
    comment(writer, "# TYPE ", type, is_info && writer->format == EXPOSITION_TEXT ? "gauge" : type);
    if (unit[0] != '\0' && writer->format == EXPOSITION_OPENMETRICS) comment(writer, "# UNIT ", type, unit);
}

static void begin_sample(struct writer *writer, const char *suffix) {
    bytes_append_text(writer->out, writer->name);
    bytes_append_text(writer->out, suffix);
    writer->label_count = 0;
}

static void label(struct writer *writer, const char *name, struct span value) {
    bytes_append_char(writer->out, writer->label_count++ == 0 ? '{' : ',');
    bytes_append_text(writer->out, name);
    bytes_append_text(writer->out, "=\"");
    append_escaped(writer->out, value, true);
    bytes_append_char(writer->out, '"');
}

/* steps / per_unit as a decimal fraction, exactly; per_unit is a power of ten. */
static void append_fraction(struct bytes *out, uint64_t steps, uint64_t per_unit) {
    bytes_append_uint(out, steps / per_unit);
    uint64_t rest = steps % per_unit;
    if (rest == 0) return;
    bytes_append_char(out, '.');
    for (; rest > 0; rest %= per_unit) bytes_append_char(out, (char)('0' + rest / (per_unit /= 10)));
}

static void end_sample(struct writer *writer, uint64_t steps, uint64_t per_unit) {
    bytes_append_text(writer->out, writer->label_count > 0 ? "} " : " ");
    append_fraction(writer->out, steps, per_unit);
    bytes_append_char(writer->out, '\n');
}

static void simple_sample(struct writer *writer, uint64_t value) {
    begin_sample(writer, "");
    end_sample(writer, value, 1);
}

static void gauge_sample(struct writer *writer, int64_t value) {
    begin_sample(writer, "");
    bytes_append_char(writer->out, ' ');
    bytes_append_int(writer->out, value);
    bytes_append_char(writer->out, '\n');
}

static void family_label(struct writer *writer, const struct metric_label *from, unsigned value) {
    if (from->name != NULL) label(writer, from->name, span_of(from->values[value]));
}

static void write_counter(struct writer *writer, const struct metrics *metrics, enum metric id) {
    const struct metric_family *family = metrics_family(id);
    for (unsigned first = 0; first < family->label[0]->value_count; first++)
        for (unsigned second = 0; second < family->label[1]->value_count; second++) {
            begin_sample(writer, "");
            family_label(writer, family->label[0], first);
            family_label(writer, family->label[1], second);
            end_sample(writer, metrics_counter(metrics, id, first, second), family->per_unit);
        }
}

static void bucket_sample(struct writer *writer, const struct metric_family *family, unsigned first, size_t bound, uint64_t count) {
    struct bytes le = bytes_with_cap(64);
    if (bound < family->bound_count) {
        append_fraction(&le, family->bounds[bound], family->per_unit);
        /* OpenMetrics wants bounds as floats in canonical form: 1.0, where the text format has had 1 ever since. */
        if (writer->format == EXPOSITION_OPENMETRICS && family->bounds[bound] % family->per_unit == 0) bytes_append_text(&le, ".0");
    } else {
        bytes_append_text(&le, "+Inf");
    }
    begin_sample(writer, "_bucket");
    family_label(writer, family->label[0], first);
    label(writer, "le", bytes_span(&le));
    end_sample(writer, count, 1);
    writer->out->failed |= le.failed;
    bytes_release(&le);
}

static void write_histogram(struct writer *writer, const struct metrics *metrics, enum metric id) {
    const struct metric_family *family = metrics_family(id);
    for (unsigned first = 0; first < family->label[0]->value_count; first++) {
        struct metric_histogram histogram = metrics_histogram(metrics, id, first);
        uint64_t below = 0;
        for (size_t bound = 0; bound <= family->bound_count; bound++)
            bucket_sample(writer, family, first, bound, below += histogram.buckets[bound]);
        begin_sample(writer, "_sum");
        family_label(writer, family->label[0], first);
        end_sample(writer, histogram.sum, family->per_unit);
        begin_sample(writer, "_count");
        family_label(writer, family->label[0], first);
        end_sample(writer, histogram.count, 1);
    }
}

static void write_family(struct writer *writer, const struct metrics *metrics, enum metric id) {
    static const char *const types[] = {
        [METRIC_TYPE_COUNTER] = "counter", [METRIC_TYPE_GAUGE] = "gauge", [METRIC_TYPE_HISTOGRAM] = "histogram"};
    const struct metric_family *family = metrics_family(id);
    begin_family(writer, family->name, types[family->type], family->unit, family->help);
    switch (family->type) {
    case METRIC_TYPE_COUNTER: write_counter(writer, metrics, id); break;
    case METRIC_TYPE_GAUGE: gauge_sample(writer, metrics_gauge(metrics, id)); break;
    case METRIC_TYPE_HISTOGRAM: write_histogram(writer, metrics, id); break;
    }
}

static void domain_samples(struct writer *writer, struct span domain, const uint64_t *count) {
    for (int result = 0; result < DOMAIN_RESULT_COUNT; result++) {
        begin_sample(writer, "");
        label(writer, "domain", domain);
        label(writer, "result", span_of(domain_result_word((enum domain_result)result)));
        end_sample(writer, count[result], 1);
    }
}

static void write_domains(struct writer *writer, struct domain_stats *domains) {
    struct domain_report report;
    if (!domain_stats_export(domains, &report)) {
        writer->out->failed = true;
        return;
    }
    begin_family(writer, "sceau_domain_dkim_results_total", "counter", "",
                 "DKIM signatures of the busiest signing domains; domain=\"other\" is all the rest.");
    for (size_t i = 0; i < report.row_count; i++) domain_samples(writer, report.rows[i].domain, report.rows[i].count);
    domain_samples(writer, span_of("other"), report.other); /* no domain has this name: they all have a dot */
    begin_family(writer, "sceau_domain_tracked", "gauge", "", "Signing domains with counts of their own.");
    simple_sample(writer, report.tracked);
    begin_family(writer, "sceau_domain_evicted_total", "counter", "", "Times a signing domain lost its counts to a busier one.");
    simple_sample(writer, report.evicted);
    domain_report_release(&report);
}

struct rule_family { struct writer *writer; unsigned kind; };

static void write_rule(void *owner, struct span name, const uint64_t *count) {
    struct rule_family *family = owner;
    begin_sample(family->writer, "");
    label(family->writer, "rule", name);
    end_sample(family->writer, count[family->kind], 1);
}

static void write_rules(struct writer *writer, struct named_counts *counts) {
    static const struct { const char *name, *help; } families[] = {
        {"sceau_rule_hits_total", "Messages that a rule applied to; rule=\"other\" is all beyond the first 1,000."},
        {"sceau_rule_shadow_hits_total", "Messages that a rule in mode shadow would have applied to."},
        {"sceau_rule_errors_total", "Messages for which a rule could not be evaluated or carried out."},
    };
    for (unsigned kind = 0; kind < sizeof families / sizeof *families; kind++) {
        struct rule_family family = {writer, kind};
        begin_family(writer, families[kind].name, "counter", "", families[kind].help);
        named_counts_walk(counts, write_rule, &family);
    }
}

static void write_process(struct writer *writer) {
    struct process_stats process;
    if (!process_stats_read(&process)) return; /* no /proc here: nothing to say */
    begin_family(writer, "process_cpu_seconds_total", "counter", "seconds", "Processor time, user and system.");
    begin_sample(writer, "");
    end_sample(writer, process.cpu_us, 1000000);
    begin_family(writer, "process_resident_memory_bytes", "gauge", "bytes", "Memory in use.");
    simple_sample(writer, process.resident_bytes);
    begin_family(writer, "process_virtual_memory_bytes", "gauge", "bytes", "Address space in use.");
    simple_sample(writer, process.virtual_bytes);
    begin_family(writer, "process_open_fds", "gauge", "", "Open file descriptors.");
    simple_sample(writer, process.open_fds);
    begin_family(writer, "process_max_fds", "gauge", "", "Most file descriptors that may be open.");
    simple_sample(writer, process.max_fds);
    begin_family(writer, "process_start_time_seconds", "gauge", "seconds", "When the process was started, since 1970.");
    gauge_sample(writer, process.start_unix_s);
}

static void write_build(struct writer *writer, const struct build_info *build) {
    const struct { const char *name, *value; } labels[] = {
        {"version", build->version}, {"revision", build->revision}, {"openssl", build->openssl}, {"unbound", build->unbound}};
    begin_family(writer, "sceau_build_info", "info", "", "What this program was built from; always 1.");
    begin_sample(writer, "");
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (labels[i].value != NULL) label(writer, labels[i].name, span_of(labels[i].value));
    end_sample(writer, 1, 1);
}

bool exposition_write(const struct exposition_source *source, enum exposition_format format, struct bytes *out) {
    struct writer writer = {.out = out, .format = format};
    write_build(&writer, &source->build);
    for (int id = 0; id < METRIC_COUNT; id++) write_family(&writer, source->metrics, (enum metric)id);
    if (source->domains != NULL) write_domains(&writer, source->domains);
    if (source->rule_counts != NULL) write_rules(&writer, source->rule_counts);
    begin_family(&writer, "sceau_log_lines_dropped_total", "counter", "", "Log lines not written: too many of a kind, or no room.");
    simple_sample(&writer, log_dropped());
    write_process(&writer);
    if (format == EXPOSITION_OPENMETRICS) bytes_append_text(out, "# EOF\n");
    return !out->failed;
}
