/* libcurl's variadic setters and getters as typed functions that Swift can call. */
#pragma once
#include <curl/curl.h>
#include <sys/socket.h>

typedef size_t (*losslab_bytes_callback)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode losslab_easy_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode losslab_easy_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode losslab_easy_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode losslab_easy_set_callback(CURL *handle, CURLoption option, losslab_bytes_callback value) {
    return curl_easy_setopt(handle, option, value);
}
/* Copies the body, so the caller's memory may go at once. */
static inline CURLcode losslab_easy_set_body(CURL *handle, const void *bytes, size_t count) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
    return code == CURLE_OK ? curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, bytes) : code;
}
static inline CURLcode losslab_easy_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode losslab_easy_get_pointer(CURL *handle, CURLINFO info, void **value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLMcode losslab_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/* Connections must not be inherited by the programs that this process starts. */
static inline curl_socket_t losslab_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)context;
    (void)purpose;
#ifdef SOCK_CLOEXEC
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
#else
    return socket(address->family, address->socktype, address->protocol);
#endif
}
static inline CURLcode losslab_easy_close_on_exec(CURL *handle) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, losslab_open_socket);
}
static inline CURLcode losslab_global_init(void) { return curl_global_init(CURL_GLOBAL_ALL); }
