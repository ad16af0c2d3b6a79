#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "socket.hpp"
#include "tajo/common/error.hpp"

namespace tajo::pgwire {

inline constexpr std::uint32_t kMaxMessageBytes = 0x3fffffff;  ///< as PostgreSQL's: 1 GiB - 1
inline constexpr std::uint32_t kMaxSmallMessageBytes = 10'000; ///< those that carry names and numbers only
inline constexpr std::uint32_t kMaxStartupBytes = 10'000;

/// Ends the connection after its text was sent (severity FATAL).
class FatalError : public Error {
 public:
  using Error::Error;
};

inline void put_i16(std::string& out, int value) {
  auto v = static_cast<std::uint16_t>(value);
  const char bytes[2] = {static_cast<char>(v >> 8), static_cast<char>(v)};
  out.append(bytes, 2);
}
inline void put_i32(std::string& out, std::int64_t value) {
  auto v = __builtin_bswap32(static_cast<std::uint32_t>(value));
  out.append(reinterpret_cast<const char*>(&v), 4);
}
inline void put_i64(std::string& out, std::int64_t value) {
  auto v = __builtin_bswap64(static_cast<std::uint64_t>(value));
  out.append(reinterpret_cast<const char*>(&v), 8);
}
inline void put_text(std::string& out, std::string_view text) {
  out.append(text);
  out.push_back('\0');
}
inline void patch_i32(std::string& out, std::size_t at, std::int64_t value) {
  auto v = __builtin_bswap32(static_cast<std::uint32_t>(value));
  out.replace(at, 4, reinterpret_cast<const char*>(&v), 4);
}

/// Frames one backend message around what is appended while it lives.
class OutMessage {
 public:
  OutMessage(std::string& out, char type) : out_(out) {
    out_.push_back(type);
    start_ = out_.size();
    out_.append(4, '\0');
  }
  ~OutMessage() { patch_i32(out_, start_, static_cast<std::int64_t>(out_.size() - start_)); }
  OutMessage(const OutMessage&) = delete;
  OutMessage& operator=(const OutMessage&) = delete;

 private:
  std::string& out_;
  std::size_t start_;
};

/// Reads the fields of a message; running past the end is Error 08P01.
class BodyReader {
 public:
  explicit BodyReader(std::string_view body) : left_(body) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(raw(1)[0]); }
  std::int16_t i16();
  std::int32_t i32();
  std::string_view raw(std::size_t n);
  std::string_view text();  ///< up to the next NUL
  bool empty() const { return left_.empty(); }
  void expect_end() const;

 private:
  std::string_view left_;
};

struct Message {
  char type = 0;
  std::string body;
};

/// Next frontend message; false at the end of the stream. FatalError 08P01 for a type or length that cannot be.
bool read_message(Socket& socket, Message& message);

void put_error(std::string& out, std::string_view severity, const Error& error);
void put_notice(std::string& out, std::string_view severity, const Error& text);
void put_parameter_status(std::string& out, std::string_view name, std::string_view value);

/// Throws Error 22021 when the text is no UTF-8 or holds a NUL.
void check_utf8(std::string_view text);

}  // namespace tajo::pgwire
