/* cli/daemon_notify.h -- tell the service manager how we are (sd_notify(3)), when it wants to know: NOTIFY_SOCKET.
 * One datagram a call; never blocks; without NOTIFY_SOCKET, or when nobody listens, nothing happens. Any thread. */
#pragma once

void daemon_notify_ready(const char *status); /* READY=1; status: one line for `systemctl status` */
void daemon_notify_reloading(void);           /* RELOADING=1; READY=1 must follow */
void daemon_notify_stopping(void);            /* STOPPING=1 */
