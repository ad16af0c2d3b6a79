#include "message.hpp"

#include <cstdio>
#include <cstring>

namespace tajo::pgwire {
namespace {

constexpr std::size_t kKeptBodyBytes = 1 << 20;

bool is_large_kind(char type) { return std::strchr("QPBFdfp", type) != nullptr; }
bool is_known_kind(char type) { return type != '\0' && std::strchr("QPBEDCHSXFdcfp", type) != nullptr; }

void put_fields(std::string& out, char type, std::string_view severity, const Error& error) {
  OutMessage message(out, type);
  auto field = [&](char code, std::string_view text) {
    out.push_back(code);
    put_text(out, text);
  };
  field('S', severity);
  field('V', severity);
  field('C', error.sqlstate());
  field('M', error.what());
  if (!error.detail().empty()) field('D', error.detail());
  if (!error.hint().empty()) field('H', error.hint());
  if (error.position() > 0) field('P', std::to_string(error.position()));
  out.push_back('\0');
}

/// Length of the UTF-8 sequence at the start of `s`, 0 when there is none (RFC 3629).
std::size_t utf8_length(std::string_view s) {
  auto at = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
  auto tail = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  unsigned c = at(0);
  if (c < 0x80) return c == 0 ? 0 : 1;
  if (c >= 0xC2 && c <= 0xDF) return tail(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    if (!tail(1) || !tail(2) || (c == 0xE0 && at(1) < 0xA0) || (c == 0xED && at(1) > 0x9F)) return 0;
    return 3;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3) || (c == 0xF0 && at(1) < 0x90) || (c == 0xF4 && at(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

std::string_view BodyReader::raw(std::size_t n) {
  if (n > left_.size()) throw Error(sqlstate::kProtocolViolation, "insufficient data left in message");
  std::string_view out = left_.substr(0, n);
  left_.remove_prefix(n);
  return out;
}

std::int16_t BodyReader::i16() {
  std::uint16_t v;
  std::memcpy(&v, raw(2).data(), 2);
  return static_cast<std::int16_t>(__builtin_bswap16(v));
}

std::int32_t BodyReader::i32() {
  std::uint32_t v;
  std::memcpy(&v, raw(4).data(), 4);
  return static_cast<std::int32_t>(__builtin_bswap32(v));
}

std::string_view BodyReader::text() {
  std::size_t end = left_.find('\0');
  if (end == std::string_view::npos) throw Error(sqlstate::kProtocolViolation, "invalid string in message");
  std::string_view out = left_.substr(0, end);
  left_.remove_prefix(end + 1);
  return out;
}

void BodyReader::expect_end() const {
  if (!left_.empty()) throw Error(sqlstate::kProtocolViolation, "invalid message format");
}

bool read_message(Socket& socket, Message& message) {
  char header[5];
  if (!socket.read(header, 1)) return false;
  message.type = header[0];
  if (!is_known_kind(message.type))
    throw FatalError(sqlstate::kProtocolViolation,
                     "invalid frontend message type " + std::to_string(static_cast<unsigned char>(message.type)));
  if (!socket.read(header + 1, 4)) throw ConnectionClosed();
  std::uint32_t length;
  std::memcpy(&length, header + 1, 4);
  length = __builtin_bswap32(length);
  if (length < 4 || length > (is_large_kind(message.type) ? kMaxMessageBytes : kMaxSmallMessageBytes))
    throw FatalError(sqlstate::kProtocolViolation, "invalid message length");
  message.body.clear();
  if (message.body.capacity() > kKeptBodyBytes) message.body.shrink_to_fit();
  socket.append_to(message.body, length - 4);
  return true;
}

void put_error(std::string& out, std::string_view severity, const Error& error) {
  put_fields(out, 'E', severity, error);
}

void put_notice(std::string& out, std::string_view severity, const Error& text) { put_fields(out, 'N', severity, text); }

void put_parameter_status(std::string& out, std::string_view name, std::string_view value) {
  OutMessage message(out, 'S');
  put_text(out, name);
  put_text(out, value);
}

void check_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint64_t word;
    if (i + 8 <= text.size()) {
      std::memcpy(&word, text.data() + i, 8);
      bool ascii = (word & 0x8080808080808080ULL) == 0;
      bool has_zero = ((word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL) != 0;
      if (ascii && !has_zero) {
        i += 8;
        continue;
      }
    }
    std::size_t n = utf8_length(text.substr(i));
    if (n == 0) {
      char code[16];
      std::snprintf(code, sizeof code, "0x%02x", static_cast<unsigned char>(text[i]));
      throw Error("22021", std::string("invalid byte sequence for encoding \"UTF8\": ") + code);
    }
    i += n;
  }
}

}  // namespace tajo::pgwire
