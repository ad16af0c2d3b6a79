#include "io_error.hpp"

#include <cerrno>
#include <cstring>

namespace tajo::storage {

Error io_error(const std::string& what, const std::string& path, int error_number) {
  std::string_view state = sqlstate::kIoError;
  if (error_number == ENOSPC || error_number == EDQUOT) state = sqlstate::kDiskFull;
  if (error_number == ENOENT || error_number == ENOTDIR) state = "58P01";
  if (error_number == EMFILE || error_number == ENFILE) state = "53000";
  if (error_number == ENOMEM) state = sqlstate::kOutOfMemory;
  if (error_number == EACCES || error_number == EPERM) state = "42501";
  char text[128];
  return Error(state, "could not " + what + " file \"" + path + "\": " + strerror_r(error_number, text, sizeof text));
}

Error corrupt(const std::string& path, const std::string& what) {
  return Error(sqlstate::kDataCorrupted, "file \"" + path + "\" is damaged: " + what);
}

}  // namespace tajo::storage
