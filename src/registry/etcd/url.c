/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include <curl/curl.h>

bool url_is_named(const char *url) {
        const char *host = strstr(url, "://") + 3;
        char text[INET_ADDRSTRLEN] = "";
        size_t n = strcspn(host, ":");
        struct in_addr a;

        if (host[0] == '[')
                return false;
        if (n < sizeof(text))
                memcpy(text, host, n);
        return inet_pton(AF_INET, text, &a) != 1;
}

int url_normalize(const char *s, char **ret, const char **ret_why) {
        _cleanup_free_ char *url = NULL;
        char *part = NULL, *scheme = NULL, *host = NULL, *port = NULL;
        static const CURLUPart unwanted[] = { CURLUPART_QUERY, CURLUPART_FRAGMENT };
        CURLU *u = curl_url();
        int r = -EINVAL;

        if (!u)
                return -ENOMEM;
        *ret_why = "it is not a URL such as http://host:2379";
        if (curl_url_set(u, CURLUPART_URL, s, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
                        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
                        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || isempty(host))
                goto finish;
        if (!streq(scheme, "http") && !streq(scheme, "https")) {
                *ret_why = "its scheme must be http or https";
                goto finish;
        }
        if (curl_url_get(u, CURLUPART_USER, &part, 0) == CURLUE_OK ||
                        curl_url_get(u, CURLUPART_PASSWORD, &part, 0) == CURLUE_OK) {
                *ret_why = "a user and password belong into User= and PasswordFile=";
                goto finish;
        }
        for (size_t i = 0; i < ELEMENTSOF(unwanted); i++)
                if (curl_url_get(u, unwanted[i], &part, 0) == CURLUE_OK) {
                        *ret_why = "nothing may follow the port";
                        goto finish;
                }
        if (curl_url_get(u, CURLUPART_PATH, &part, 0) == CURLUE_OK && !streq(part, "/")) {
                *ret_why = "nothing may follow the port";
                goto finish;
        }
        (void) curl_url_get(u, CURLUPART_PORT, &port, 0);
        if (asprintf(&url, "%s://%s:%s", scheme, host, port ?: "2379") < 0) {
                url = NULL;
                r = -ENOMEM;
                goto finish;
        }
        *ret = TAKE_PTR(url);
        r = 0;
finish:
        curl_free(part);
        curl_free(scheme);
        curl_free(host);
        curl_free(port);
        curl_url_cleanup(u);
        return r;
}
