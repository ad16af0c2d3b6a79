#pragma once
#include <functional>
#include <memory>

#include "tajo/storage/scan.hpp"

namespace arrow {
class RecordBatch;
class Status;
}  // namespace arrow

namespace tajo::storage::arrow_in {

/// The next batch of a file, nullptr at its end. May throw; Arrow's own exceptions become Errors.
using NextBatch = std::function<std::shared_ptr<arrow::RecordBatch>()>;

/// Hands out a file's record batches in pieces of kVectorRows. `bytes`: asked for bytes_read().
std::unique_ptr<SplitReader> make_batch_reader(std::shared_ptr<const ScanRequest> request, const data::Split& split,
                                               NextBatch next, std::uint64_t first_row, std::uint64_t bytes);

/// Error XX001 (58030 for I/O, 53200 for memory) naming the file, unless the status is OK.
void check(const arrow::Status& status, const std::string& path);

/// Runs f; an exception of Arrow or Parquet becomes an Error XX001 naming the file.
template <class F>
auto guarded(const std::string& path, F&& f);

[[noreturn]] void rethrow_foreign(const std::string& path, const char* what);

template <class F>
auto guarded(const std::string& path, F&& f) {
  try {
    return f();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    rethrow_foreign(path, e.what());
  }
}

}  // namespace tajo::storage::arrow_in
