/* SPDX-License-Identifier: Apache-2.0 */
#include "address/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "util/macros.h"

/* Reads a decimal number of at most three digits, up to max. */
static bool parse_prefix(const char *text, unsigned max, unsigned char *ret) {
        unsigned n = 0;
        const char *p = text;

        for (; *p >= '0' && *p <= '9' && p < text + 3; p++)
                n = n * 10 + (unsigned) (*p - '0');
        if (p == text || *p || n > max)
                return false;
        *ret = (unsigned char) n;
        return true;
}

static bool is_single(const Address *a) {
        struct in6_addr six;

        if (a->family == AF_INET) /* 0.x.x.x, 127.x.x.x, 224.x.x.x and above */
                return a->bytes[0] != 0 && a->bytes[0] != 127 && a->bytes[0] < 224;
        memcpy(&six, a->bytes, sizeof(six));
        return !IN6_IS_ADDR_MULTICAST(&six) && !IN6_IS_ADDR_LOOPBACK(&six) && !IN6_IS_ADDR_UNSPECIFIED(&six);
}

int address_parse(const char *text, Address *ret) {
        const char *first = strchr(text, '/'), *second = first ? strchr(first + 1, '/') : NULL;
        char host[INET6_ADDRSTRLEN];
        size_t interface, address;

        *ret = (Address){};
        if (!second)
                return -EINVAL;
        interface = (size_t) (first - text);
        address = (size_t) (second - first - 1);
        if (interface == 0 || interface >= sizeof(ret->interface) || address >= sizeof(host))
                return -EINVAL;
        memcpy(ret->interface, text, interface);
        memcpy(host, first + 1, address);
        host[address] = '\0';
        ret->family = strchr(host, ':') ? AF_INET6 : AF_INET;
        ret->size = ret->family == AF_INET ? 4 : 16;
        if (inet_pton(ret->family, host, ret->bytes) != 1 || !is_single(ret) ||
                        !parse_prefix(second + 1, 8u * ret->size, &ret->prefix))
                return -EINVAL;
        return 0;
}

unsigned address_interface(const Address *a) {
        return a->index ?: if_nametoindex(a->interface);
}

char *address_text(const Address *a, char buf[static ADDRESS_TEXT_SIZE]) {
        char host[INET6_ADDRSTRLEN] = "?";

        (void) inet_ntop(a->family, a->bytes, host, sizeof(host));
        (void) snprintf(buf, ADDRESS_TEXT_SIZE, "%s/%s/%u", a->interface, host, a->prefix);
        return buf;
}
