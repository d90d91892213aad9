#pragma once
#include <iconv.h>
#include <libxml/xmlversion.h>
// Its headers would bring those of ICU, whose types Foundation has under the same names.
#undef LIBXML_ICU_ENABLED
#include <libxml/HTMLparser.h>
#include <spawn.h>
#include <string.h>

// Of the C library, where its headers show them only to programs that ask for GNU extensions.
extern int pipe2(int descriptors[2], int flags);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

/// A parser of HTML that tells of elements and text as it goes, keeps no tree and writes no messages.
static inline htmlParserCtxtPtr engram_html_parser(
    void *user, startElementSAXFunc start, endElementSAXFunc end, charactersSAXFunc text) {
    xmlSAXHandler handler;
    memset(&handler, 0, sizeof(handler));
    handler.startElement = start;
    handler.endElement = end;
    handler.characters = text;
    handler.cdataBlock = text;
    handler.ignorableWhitespace = text;
    htmlParserCtxtPtr parser = htmlCreatePushParserCtxt(&handler, user, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (parser != NULL)
        htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                                       HTML_PARSE_NODEFDTD | HTML_PARSE_IGNORE_ENC);
    return parser;
}
