/* SPDX-License-Identifier: Apache-2.0 */
#include "address/netlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/macros.h"
#include "util/must.h"

typedef struct Request {
        struct nlmsghdr header;
        struct ifaddrmsg message;
        unsigned char attributes[128];
} Request;

int netlink_open(void) {
        struct timeval timeout = { .tv_sec = 1 };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0) {
                (void) close(fd);
                return -errno;
        }
        return fd;
}

static void put(Request *r, unsigned short type, const void *data, size_t size) {
        struct rtattr *a = (struct rtattr *) ((char *) r + NLMSG_ALIGN(r->header.nlmsg_len));

        must(NLMSG_ALIGN(r->header.nlmsg_len) + RTA_SPACE(size) <= sizeof(*r));
        a->rta_type = type;
        a->rta_len = (unsigned short) RTA_LENGTH(size);
        memcpy(RTA_DATA(a), data, size);
        r->header.nlmsg_len = (unsigned) (NLMSG_ALIGN(r->header.nlmsg_len) + RTA_SPACE(size));
}

static int fill(Request *r, unsigned short type, unsigned short flags, const Address *a) {
        unsigned index = address_interface(a);

        if (index == 0)
                return -ENODEV;
        *r = (Request){
                .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(r->message)),
                                .nlmsg_type = type,
                                .nlmsg_flags = (unsigned short) (NLM_F_REQUEST | NLM_F_ACK | flags) },
                .message = { .ifa_family = (unsigned char) a->family, .ifa_prefixlen = a->prefix, .ifa_index = index },
        };
        put(r, IFA_LOCAL, a->bytes, a->size);
        put(r, IFA_ADDRESS, a->bytes, a->size);
        return 0;
}

/* Sends the request, and waits for the kernel's acknowledgement, which is there when sending returns. Acknowledgements
 * of earlier requests that nobody has read are passed over by their number. */
static int call(int fd, Request *r) {
        static unsigned number;
        struct {
                struct nlmsghdr header;
                struct nlmsgerr error;
                unsigned char rest[1024];
        } answer;

        r->header.nlmsg_seq = ++number;
        if (send(fd, r, r->header.nlmsg_len, 0) < 0)
                return -errno;
        for (;;) {
                ssize_t n = recv(fd, &answer, sizeof(answer), 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if ((size_t) n >= NLMSG_LENGTH(sizeof(answer.error)) && answer.header.nlmsg_type == NLMSG_ERROR &&
                                answer.header.nlmsg_seq == number)
                        return answer.error.error;
        }
}

static int set(int fd, Address *a, unsigned seconds) {
        struct ifa_cacheinfo life = { .ifa_prefered = 0, .ifa_valid = seconds };
        unsigned flags = a->family == AF_INET6 ? IFA_F_NODAD : 0;
        Request request;
        int r = fill(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, a);

        if (r < 0)
                return r;
        put(&request, IFA_CACHEINFO, &life, sizeof(life));
        put(&request, IFA_FLAGS, &flags, sizeof(flags));
        r = call(fd, &request);
        if (r == 0)
                a->index = request.message.ifa_index;
        return r;
}

int netlink_set(int fd, Address *a, unsigned seconds) {
        int r;

        must(seconds > 0);
        r = set(fd, a, seconds);
        if (r != -ENODEV || a->index == 0)
                return r;
        a->index = 0;
        return set(fd, a, seconds);
}

int netlink_remove(int fd, const Address *a) {
        Request request;
        int r = fill(&request, RTM_DELADDR, 0, a);

        if (r == 0)
                r = call(fd, &request);
        return r == -EADDRNOTAVAIL || r == -ENODEV ? 0 : r;
}
