#pragma once
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

/// Asks for the SRV records of a name.
///
/// `server` and `port`: a name server other than those of /etc/resolv.conf, or NULL.
/// Returns the length of the answer, which may be more than `capacity`; -1 when there is none, with a reason as in h_errno.
static inline int engram_service_query(
    const char *name, const char *server, unsigned short port, unsigned char *answer, int capacity, int *reason) {
    struct __res_state state;
    memset(&state, 0, sizeof(state));
    if (res_ninit(&state) != 0) {
        *reason = NO_RECOVERY;
        return -1;
    }
    if (server != NULL) {
        memset(&state.nsaddr_list[0], 0, sizeof(state.nsaddr_list[0]));
        state.nsaddr_list[0].sin_family = AF_INET;
        state.nsaddr_list[0].sin_port = htons(port);
        if (inet_pton(AF_INET, server, &state.nsaddr_list[0].sin_addr) != 1) {
            res_nclose(&state);
            *reason = NO_RECOVERY;
            return -1;
        }
        state.nscount = 1;
    }
    state.retrans = 3;
    state.retry = 2;
    int length = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, capacity);
    *reason = state.res_h_errno;
    res_nclose(&state);
    return length;
}
