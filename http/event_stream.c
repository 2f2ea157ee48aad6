#include "http/event_stream.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/bytes.h"

struct event_stream {
    pthread_mutex_t lock;
    atomic_uint references;
    struct bytes pending;
    size_t taken;      /* octets of pending that are sent already */
    bool has_ended;    /* nothing more is accepted */
    bool is_suspended; /* the connection waits for resume */
    void (*suspend)(void *owner);
    void (*resume)(void *owner);
    void *owner; /* NULL: not attached */
};

struct event_stream *event_stream_create(void) { return event_stream_create_for(EVENT_STREAM_PENDING_MAX); }

struct event_stream *event_stream_create_for(size_t pending_max) {
    struct event_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) return NULL;
    if (pthread_mutex_init(&stream->lock, NULL) != 0) return free(stream), NULL;
    atomic_init(&stream->references, 1);
    stream->pending = bytes_with_cap(pending_max);
    return stream;
}

struct event_stream *event_stream_acquire(struct event_stream *stream) {
    atomic_fetch_add(&stream->references, 1);
    return stream;
}

void event_stream_release(struct event_stream *stream) {
    if (stream == NULL || atomic_fetch_sub(&stream->references, 1) != 1) return;
    pthread_mutex_destroy(&stream->lock);
    bytes_release(&stream->pending);
    free(stream);
}

/* With the lock held. */
static void wake(struct event_stream *stream) {
    if (!stream->is_suspended) return;
    stream->is_suspended = false;
    stream->resume(stream->owner);
}

static void forget_taken(struct event_stream *stream) {
    bytes_drop_first(&stream->pending, stream->taken);
    stream->taken = 0;
}

bool event_stream_write(struct event_stream *stream, struct span octets) {
    pthread_mutex_lock(&stream->lock);
    if (stream->taken > 0 && stream->pending.len + octets.len > stream->pending.cap) forget_taken(stream);
    if (!stream->has_ended && !bytes_append(&stream->pending, octets)) stream->has_ended = true;
    bool is_open = !stream->has_ended;
    wake(stream);
    pthread_mutex_unlock(&stream->lock);
    return is_open;
}

static void end(struct event_stream *stream, bool drop) {
    pthread_mutex_lock(&stream->lock);
    stream->has_ended = true;
    if (drop) bytes_clear(&stream->pending), stream->taken = 0;
    wake(stream);
    pthread_mutex_unlock(&stream->lock);
}

void event_stream_end(struct event_stream *stream) { end(stream, false); }
void event_stream_cancel(struct event_stream *stream) { end(stream, true); }

void event_stream_attach(struct event_stream *stream, void (*suspend)(void *owner), void (*resume)(void *owner), void *owner) {
    pthread_mutex_lock(&stream->lock);
    stream->suspend = suspend;
    stream->resume = resume;
    stream->owner = owner;
    pthread_mutex_unlock(&stream->lock);
}

enum event_stream_state event_stream_take(struct event_stream *stream, char *out, size_t room, size_t *len) {
    pthread_mutex_lock(&stream->lock);
    size_t left = stream->pending.len - stream->taken;
    *len = left < room ? left : room;
    if (*len > 0) memcpy(out, stream->pending.ptr + stream->taken, *len);
    stream->taken += *len;
    if (*len > 0 && *len == left) { /* many streams wait for long: no memory is kept */
        bytes_release(&stream->pending);
        stream->taken = 0;
    }
    enum event_stream_state state = *len == 0 && stream->has_ended ? EVENT_STREAM_ENDED : EVENT_STREAM_OPEN;
    if (*len == 0 && state == EVENT_STREAM_OPEN) {
        stream->is_suspended = true;
        stream->suspend(stream->owner);
    }
    pthread_mutex_unlock(&stream->lock);
    return state;
}

void event_stream_detach(struct event_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    stream->has_ended = true;
    stream->is_suspended = false;
    stream->owner = NULL;
    bytes_release(&stream->pending);
    stream->taken = 0;
    pthread_mutex_unlock(&stream->lock);
}
