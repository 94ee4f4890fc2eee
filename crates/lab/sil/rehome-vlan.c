/*
 * What makes netconfd a gateway: a commit is first checked with the agent of the data plane, and is applied by it before
 * the client hears "ok". Built when a gateway starts; netconfd loads it with the module rehome-vlan.
 *
 * Each time the agent is told all sub-interfaces, over the socket that REHOME_LAB_AGENT names: the word `check` or `apply`,
 * then a line for each, with tabs between name, enabled, parent, VLAN, inner VLAN, VRF, address and prefix length; `-`
 * stands for nothing. It answers `ok`, or why not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "procdefs.h"
#include "agt.h"
#include "agt_cb.h"
#include "agt_commit_complete.h"
#include "agt_commit_validate.h"
#include "agt_rpcerr.h"
#include "agt_timer.h"
#include "agt_util.h"
#include "cfg.h"
#include "ncx.h"
#include "ncxmod.h"
#include "ncxtypes.h"
#include "status.h"
#include "val.h"

#define MODULE "rehome-vlan"
/* Longer than the data plane takes for hundreds of sub-interfaces in one commit. */
#define PATIENCE_S 60
#define ANSWER_MAX 1024

static void put_text(FILE *to, val_value_t *from, const char *module, const char *name)
{
    val_value_t *leaf = from ? val_find_child(from, (const xmlChar *)module, (const xmlChar *)name) : NULL;
    xmlChar *text = leaf ? val_make_sprintf_string(leaf) : NULL;
    fputc('\t', to);
    if (text == NULL || *text == 0) {
        fputc('-', to);
    } else {
        for (const xmlChar *at = text; *at; at++) {
            fputc(*at < ' ' ? ' ' : *at, to);
        }
    }
    if (text) {
        m__free(text);
    }
}

static void put_interface(FILE *to, val_value_t *interface)
{
    val_value_t *name = val_find_child(interface, (const xmlChar *)"ietf-interfaces", (const xmlChar *)"name");
    val_value_t *tags = val_find_child(interface, (const xmlChar *)MODULE, (const xmlChar *)"encapsulation");
    val_value_t *ipv4 = val_find_child(interface, (const xmlChar *)"ietf-ip", (const xmlChar *)"ipv4");
    val_value_t *address =
        ipv4 ? val_find_child(ipv4, (const xmlChar *)"ietf-ip", (const xmlChar *)"address") : NULL;

    fputs(name ? (const char *)VAL_STR(name) : "-", to);
    put_text(to, interface, "ietf-interfaces", "enabled");
    put_text(to, tags, MODULE, "parent");
    put_text(to, tags, MODULE, "vlan-id");
    put_text(to, tags, MODULE, "inner-vlan-id");
    put_text(to, interface, MODULE, "vrf");
    put_text(to, address, "ietf-ip", "ip");
    put_text(to, address, "ietf-ip", "prefix-length");
    fputc('\n', to);
}

static int agent(void)
{
    const char *path = getenv("REHOME_LAB_AGENT");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd;

    if (path == NULL || strlen(path) >= sizeof to.sun_path) {
        return -1;
    }
    strcpy(to.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
            return fd;
        }
        close(fd);
    }
    return -1;
}

/* Asks the agent. Answers whether it said ok; if not, why. */
static boolean ask(const char *word, val_value_t *root, char answer[ANSWER_MAX])
{
    val_value_t *interfaces =
        val_find_child(root, (const xmlChar *)"ietf-interfaces", (const xmlChar *)"interfaces");
    size_t length = 0;
    ssize_t got;
    int fd = agent();
    FILE *to;

    strcpy(answer, "the data plane does not answer");
    if (fd < 0 || (to = fdopen(dup(fd), "w")) == NULL) {
        return FALSE;
    }
    fprintf(to, "%s\n", word);
    for (val_value_t *child = interfaces ? val_get_first_child(interfaces) : NULL; child != NULL;
         child = val_get_next_child(child)) {
        put_interface(to, child);
    }
    fclose(to);
    shutdown(fd, SHUT_WR);
    while (length < ANSWER_MAX - 1 && (got = read(fd, answer + length, ANSWER_MAX - 1 - length)) > 0) {
        length += (size_t)got;
    }
    close(fd);
    if (length > 0) {
        answer[length] = 0;
        answer[strcspn(answer, "\n")] = 0;
    }
    return strcmp(answer, "ok") == 0;
}

static status_t check(ses_cb_t *session, xml_msg_hdr_t *header, val_value_t *root)
{
    /* The record of the error points to them until the reply is written. */
    static char answer[ANSWER_MAX];
    static ncx_errinfo_t said;

    if (ask("check", root, answer)) {
        return NO_ERR;
    }
    ncx_init_errinfo(&said);
    said.error_app_tag = (xmlChar *)"data-plane";
    said.error_message = (xmlChar *)answer;
    agt_record_error_errinfo(session, header, NCX_LAYER_OPERATION, ERR_NCX_OPERATION_FAILED, NULL, NCX_NT_NONE, NULL,
                             NCX_NT_NONE, NULL, &said);
    return ERR_NCX_OPERATION_FAILED;
}

static status_t apply(void)
{
    char answer[ANSWER_MAX];
    cfg_template_t *running = cfg_get_config_id(NCX_CFGID_RUNNING);

    if (running == NULL || running->root == NULL || ask("apply", running->root, answer)) {
        return NO_ERR;
    }
    log_error("\nrehome-vlan: not applied: %s", answer);
    return ERR_NCX_OPERATION_FAILED;
}

/*
 * A confirmed commit that is cancelled or not confirmed in time is taken back by a session of the server's own, number 0,
 * without a word to who registered for commits. Nobody is asked either: what was there before is put back.
 */
static status_t taken_back(ses_cb_t *session, rpc_msg_t *message, agt_cbtyp_t phase, op_editop_t operation,
                           val_value_t *put, val_value_t *before)
{
    (void)message;
    (void)operation;
    (void)put;
    (void)before;
    return phase == AGT_CB_COMMIT && session && session->sid == 0 ? apply() : NO_ERR;
}

status_t y_rehome_vlan_init(const xmlChar *module, const xmlChar *revision)
{
    ncx_module_t *loaded = NULL;
    status_t result = ncxmod_load_module((const xmlChar *)MODULE, NULL, &agt_get_profile()->agt_savedevQ, &loaded);

    (void)module;
    (void)revision;
    if (result == NO_ERR) {
        result = agt_commit_validate_register((const xmlChar *)MODULE, check);
    }
    if (result == NO_ERR) {
        result = agt_commit_complete_register((const xmlChar *)MODULE, apply);
    }
    if (result == NO_ERR) {
        result = agt_cb_register_callback((const xmlChar *)"ietf-interfaces", (const xmlChar *)"/if:interfaces", NULL,
                                          taken_back);
    }
    return result;
}

/* The configuration that a start has loaded is applied too: a gateway that comes back forwards as before. */
status_t y_rehome_vlan_init2(void)
{
    apply();
    return NO_ERR;
}

void y_rehome_vlan_cleanup(void)
{
    agt_cb_unregister_callbacks((const xmlChar *)"ietf-interfaces", (const xmlChar *)"/if:interfaces");
    agt_commit_complete_unregister((const xmlChar *)MODULE);
    agt_commit_validate_unregister((const xmlChar *)MODULE);
}
