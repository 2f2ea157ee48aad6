/* http/guest_list.h -- who is connected to an HTTP listener, and who has to go when another one comes.
 * The one that has waited longest for its request to be over is hung up on (shutdown(2)): whoever asks and reads is
 * served within milliseconds, so it is never an honest one while others dawdle. One address has its share only.
 * Those with an event stream are meant to stay and count for nothing here.
 * Thread rule: one thread. Cost: one look at each guest, of which there are few. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "base/list.h"

struct guest;
struct guest_list {
    struct list waiting; /* the longest waiting first; those with streams and those sent away, too */
    size_t staying;      /* neither sent away nor with a stream */
    size_t most, most_of_address;
};

void guest_list_init(struct guest_list *list, size_t most, size_t most_of_address);
/* Whether one more of this address may come in; makes room for it when there is none. No limit by address for unix sockets. */
bool guest_list_admit(struct guest_list *list, const struct sockaddr *address);
/* NULL: no memory. fd is borrowed until removal. */
struct guest *guest_list_add(struct guest_list *list, int fd, const struct sockaddr *address);
void guest_list_remove(struct guest_list *list, struct guest *guest); /* accepts NULL */
/* Its request is answered: it waits anew. Accepts NULL. */
void guest_list_answered(struct guest_list *list, struct guest *guest);
void guest_list_streams(struct guest_list *list, struct guest *guest); /* accepts NULL */
