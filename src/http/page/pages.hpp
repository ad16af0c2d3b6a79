#pragma once
#include <string_view>

/// The web page in its parts; style and script stand inline, so that a page is one answer and needs nothing else.
namespace tajo::http::page {

extern const std::string_view kStyle;
extern const std::string_view kScript;
extern const std::string_view kBody;         ///< of the main page; `%USER%` and `%VERSION%` are filled in
extern const std::string_view kLoginBody;    ///< `%PROBLEM%`, `%VERSION%`

}  // namespace tajo::http::page
