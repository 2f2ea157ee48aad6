#include "proxy/content_writer.h"
#include <stdbool.h>
#include "proxy/spool.h"

enum { SCRATCH = 16384 };

void content_writer_init(struct content_writer *writer, const struct content *content) {
    *writer = (struct content_writer){.content = content, .spool_at = content->spool_offset};
    data_writer_init(&writer->data);
}

/* The next octets, none at the end. False: the spool cannot be read. */
static bool next_octets(struct content_writer *writer, char *scratch, struct span *octets) {
    const struct content *content = writer->content;
    *octets = (struct span){NULL, 0};
    while (writer->run < content->head_count && writer->run_taken == content->head[writer->run].len) {
        writer->run++;
        writer->run_taken = 0;
    }
    if (writer->run < content->head_count) {
        *octets = span_after(content->head[writer->run], writer->run_taken);
        return true;
    }
    if (writer->spool_at == spool_size(content->spool)) return true;
    return spool_read(content->spool, writer->spool_at, scratch, SCRATCH, octets) == SPOOL_OK;
}

static void count_taken(struct content_writer *writer, size_t taken) {
    if (writer->run < writer->content->head_count)
        writer->run_taken += taken;
    else
        writer->spool_at += taken;
}

enum content_progress content_writer_fill(struct content_writer *writer, char *out, size_t room, size_t *written) {
    char scratch[SCRATCH];
    *written = 0;
    while (*written < room) {
        struct span octets;
        size_t taken, count;
        if (!next_octets(writer, scratch, &octets)) return CONTENT_UNREADABLE;
        if (octets.len == 0) {
            bool whole = data_writer_finish(&writer->data, out + *written, room - *written, &count);
            *written += count;
            return whole ? CONTENT_END : CONTENT_MORE;
        }
        data_writer_update(&writer->data, octets, &taken, out + *written, room - *written, &count);
        count_taken(writer, taken);
        *written += count;
    }
    return CONTENT_MORE;
}
