#pragma once
#include <string>

#include "router.hpp"

namespace tajo::http {

/// Serves the requests of one connection until the client leaves, asks for the end or is too slow. Takes the
/// descriptor. Never throws.
void serve_connection(int fd, const HttpServerConfig& config, Router& router) noexcept;

}  // namespace tajo::http
