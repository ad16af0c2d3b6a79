#include "tajo/journal/slot.hpp"

#include <charconv>
#include <cstdio>

namespace tajo::journal {
namespace {

bool number(std::string_view& text, char tag, int base, std::uint64_t& out) {
  if (text.empty() || text.front() != tag) return false;
  text.remove_prefix(1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (error != std::errc{} || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) {
    if (text.front() != ' ') return false;
    text.remove_prefix(1);
  }
  return true;
}

template <class... A>
std::string format(const char* pattern, A... args) {
  char buffer[160];
  int n = std::snprintf(buffer, sizeof buffer, pattern, args...);
  return std::string(buffer, static_cast<std::size_t>(n));
}

}  // namespace

std::string Slot::str() const {
  return format("e%llu s%llx l%llu h%016llx n%016llx", static_cast<unsigned long long>(epoch),
                static_cast<unsigned long long>(segment), static_cast<unsigned long long>(length),
                static_cast<unsigned long long>(hash), static_cast<unsigned long long>(nonce));
}

std::optional<Slot> Slot::parse(std::string_view text) {
  Slot s;
  if (!number(text, 'e', 10, s.epoch) || !number(text, 's', 16, s.segment) || !number(text, 'l', 10, s.length) ||
      !number(text, 'h', 16, s.hash) || !number(text, 'n', 16, s.nonce) || !text.empty())
    return std::nullopt;
  return s;
}

std::string segment_name(std::uint64_t segment) {
  return format("segment-%016llx", static_cast<unsigned long long>(segment));
}
std::string snapshot_name(std::uint64_t n) { return format("snapshot-%016llx", static_cast<unsigned long long>(n)); }

std::string row_name(std::uint64_t number, std::uint64_t random) {
  if (number == 1) return "00000001-first";
  return format("%08llu-%012llx", static_cast<unsigned long long>(number),
                static_cast<unsigned long long>(random & 0xffffffffffffULL));
}

std::uint64_t row_number(std::string_view row) {
  if (row.size() < 10 || row[8] != '-') return 0;
  std::uint64_t n = 0;
  auto [end, error] = std::from_chars(row.data(), row.data() + 8, n);
  return error == std::errc{} && end == row.data() + 8 ? n : 0;
}

std::string slot_name(std::int64_t index) { return format("%06lld", static_cast<long long>(index)); }

}  // namespace tajo::journal
