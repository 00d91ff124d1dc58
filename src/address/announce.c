/* SPDX-License-Identifier: Apache-2.0 */
#include "address/announce.h"

#include <errno.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "util/file-util.h"

typedef struct Place {
        unsigned index;
        bool ethernet;
        unsigned char hardware[ETH_ALEN];
} Place;

static int find_place(int fd, const Address *a, Place *ret) {
        struct ifreq request = {};

        *ret = (Place){ .index = address_interface(a) };
        if (ret->index == 0 || !if_indextoname(ret->index, request.ifr_name))
                return -ENODEV;
        if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
                return -errno;
        ret->ethernet = request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
        memcpy(ret->hardware, request.ifr_hwaddr.sa_data, ETH_ALEN);
        return 0;
}

static int announce_four(const Address *a) {
        _cleanup_close_ int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_halen = ETH_ALEN };
        struct ether_arp packet = {
                .ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
                                .ar_pro = htons(ETH_P_IP),
                                .ar_hln = ETH_ALEN,
                                .ar_pln = sizeof(packet.arp_spa),
                                .ar_op = htons(ARPOP_REQUEST) },
        };
        Place place = {};
        int r = fd < 0 ? -errno : find_place(fd, a, &place);

        if (r < 0 || !place.ethernet)
                return r;
        to.sll_ifindex = (int) place.index;
        memset(to.sll_addr, 0xff, ETH_ALEN);
        memcpy(packet.arp_sha, place.hardware, ETH_ALEN);
        memcpy(packet.arp_spa, a->bytes, sizeof(packet.arp_spa));
        memcpy(packet.arp_tpa, a->bytes, sizeof(packet.arp_tpa));
        return sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *) &to, sizeof(to)) < 0 ? -errno : 0;
}

/* The kernel fills in the checksum. */
static int send_advertisement(int fd, const Address *a, const Place *place) {
        struct {
                struct nd_neighbor_advert advert;
                struct nd_opt_hdr option;
                unsigned char hardware[ETH_ALEN];
        } packet = {
                .advert = { .nd_na_type = ND_NEIGHBOR_ADVERT, .nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE },
                .option = { .nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1 },
        };
        struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = place->index };
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
        } control = {
                .header = { .cmsg_len = CMSG_LEN(sizeof(struct in6_pktinfo)),
                                .cmsg_level = IPPROTO_IPV6,
                                .cmsg_type = IPV6_PKTINFO },
        };
        struct in6_pktinfo from = { .ipi6_ifindex = place->index };
        struct iovec data = { .iov_base = &packet, .iov_len = sizeof(packet) };
        struct msghdr message = { .msg_name = &to,
                .msg_namelen = sizeof(to),
                .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control) };

        to.sin6_addr = (struct in6_addr){ { { 0xff, 0x02, [15] = 1 } } }; /* all nodes */
        memcpy(&packet.advert.nd_na_target, a->bytes, a->size);
        memcpy(packet.hardware, place->hardware, ETH_ALEN);
        memcpy(&from.ipi6_addr, a->bytes, a->size);
        memcpy(CMSG_DATA(&control.header), &from, sizeof(from));
        return sendmsg(fd, &message, 0) < 0 ? -errno : 0;
}

static int announce_six(const Address *a) {
        _cleanup_close_ int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
        int hops = 255, r; /* a receiver drops an advertisement that could have come through a router */
        Place place = {};

        r = fd < 0 ? -errno : find_place(fd, a, &place);
        if (r < 0 || !place.ethernet)
                return r;
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0)
                return -errno;
        return send_advertisement(fd, a, &place);
}

int announce(const Address *a) {
        return a->family == AF_INET ? announce_four(a) : announce_six(a);
}
