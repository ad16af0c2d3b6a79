#include "hdf5/library.hpp"

#include "tajo/common/error.hpp"

namespace tajo::storage::hdf5 {
namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

herr_t innermost(unsigned, const H5E_error2_t* error, void* text) {
  auto* out = static_cast<std::string*>(text);
  if (error->desc != nullptr && *error->desc != '\0') *out = error->desc;
  return 0;
}

[[noreturn]] void fail(const std::string& what) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &reason);
  if (std::string first; H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, innermost, &first) >= 0 && !first.empty()) reason = first;
  H5Eclear2(H5E_DEFAULT);
  throw Error(sqlstate::kDataCorrupted, what + (reason.empty() ? "" : ": " + reason));
}

}  // namespace

LibraryLock::LibraryLock() : lock_(library_mutex()) {
  static const bool kOnce = [] {
    H5dont_atexit();
    H5open();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors become exceptions, not lines on stderr
    return true;
  }();
  static_cast<void>(kOnce);
}

void Id::close(const std::string& what) {
  hid_t id = std::exchange(id_, -1);
  if (id >= 0) check(close_(id), what);
}

Id checked(hid_t id, Id::Close close, const std::string& what) {
  if (id < 0) fail(what);
  return Id(id, close);
}

void check(herr_t result, const std::string& what) {
  if (result < 0) fail(what);
}

}  // namespace tajo::storage::hdf5
