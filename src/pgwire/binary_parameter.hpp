#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tajo::pgwire {

/// The text form of a parameter that a client sent in PostgreSQL's binary format of type `oid`. Error 22P03 when its
/// length does not fit, 0A000 for types without such a form here; `number`: of the parameter, for the message.
std::string binary_parameter_text(std::uint32_t oid, std::string_view bytes, std::size_t number);

}  // namespace tajo::pgwire
