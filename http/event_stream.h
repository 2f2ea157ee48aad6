/* http/event_stream.h -- an answer that goes on: server-sent events, a page that grows, or one that is only made; written by
 * any thread while the HTTP server's thread sends it. Shared by reference count: one reference goes to the server with the reply, whoever
 * writes keeps another. Writers never wait: what a slow client does not take in EVENT_STREAM_PENDING_MAX octets ends its
 * stream. A client that went away shows at the next write, so write a comment now and then.
 * Thread rule: any thread; one lock a stream, held while a few octets are copied. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

enum { EVENT_STREAM_PENDING_MAX = 64 * 1024 };

struct event_stream;

struct event_stream *event_stream_create(void); /* one reference; NULL: no memory */
/* The same with another limit than EVENT_STREAM_PENDING_MAX, for an answer that is written all at once. */
struct event_stream *event_stream_create_for(size_t pending_max);
struct event_stream *event_stream_acquire(struct event_stream *stream);
void event_stream_release(struct event_stream *stream); /* accepts NULL */

/* For writers. Sends octets, whole events, as they are. False: the stream has ended, by the client, for want of room or
 * memory, or since the server stops; there is no use in writing more. */
bool event_stream_write(struct event_stream *stream, struct span octets);
/* No more will come: the answer ends behind what has been written. */
void event_stream_end(struct event_stream *stream);

/* For the server. Attach: from now on suspend and resume (owner's) are called with the lock held, suspend when there is
 * nothing to take, resume once when there is again or the stream ends. */
void event_stream_attach(struct event_stream *stream, void (*suspend)(void *owner), void (*resume)(void *owner), void *owner);
enum event_stream_state { EVENT_STREAM_OPEN, EVENT_STREAM_ENDED };
/* Moves at most room octets to out; *len may be 0 while it is open: then suspend was called. */
enum event_stream_state event_stream_take(struct event_stream *stream, char *out, size_t room, size_t *len);
/* The client is gone, or the server stops: nothing is sent any more, and owner is forgotten. */
void event_stream_detach(struct event_stream *stream);
/* Ends it as a writer would and drops what was not sent, so that the connection may close. */
void event_stream_cancel(struct event_stream *stream);
