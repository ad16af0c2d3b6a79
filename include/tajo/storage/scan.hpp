#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "tajo/data/fragment.hpp"
#include "tajo/data/vector.hpp"
#include "tajo/functions/expression.hpp"

namespace tajo::storage {

/// What one operator reads of one table: fixed in the plan.
struct ScanRequest {
  data::TableSource source;
  std::vector<data::FragmentInfo> fragments;  ///< those of the plan's snapshot; Split::fragment indexes it
  std::vector<std::uint32_t> columns;         ///< table columns to deliver, in this order
  /// Conjuncts over the delivered columns (positions): used to skip blocks and fragments only; the scan operator
  /// filters the rows.
  std::vector<functions::ExpressionPtr> filters;
};

/// Reads one split; one thread. Batches are views, valid until the next call.
class SplitReader {
 public:
  virtual ~SplitReader() = default;
  /// false: end of the split. Vectors in the requested order, any Form; managed fragments give kStored without a copy.
  /// Throws Error XX001/58030 naming file and place.
  virtual bool next(data::Batch& out) = 0;
  virtual std::uint64_t bytes_read() const = 0;
};

/// A table scan; opened once per task, shared by its threads.
class Scan {
 public:
  virtual ~Scan() = default;
  virtual std::unique_ptr<SplitReader> open(const data::Split& split) const = 0;
};

/// Any thread; keeps mappings and tables of contents of managed files for the life of the rank.
class Storage {
 public:
  virtual ~Storage() = default;
  /// `rootdir`/warehouse is where managed sources' relative paths live.
  static std::unique_ptr<Storage> make(const std::string& warehouse_directory);

  virtual std::shared_ptr<const Scan> scan(ScanRequest request) = 0;

  /// Splits of a scan, skipping fragments and blocks the filters exclude; about `target_rows` rows each, never across
  /// fragments. Reads footers of external files (a call that may block: not on a control thread).
  virtual std::vector<data::Split> splits(const ScanRequest& request, std::uint64_t target_rows) = 0;

  /// Files behind an external location (file, directory, glob), with sizes, mtimes and, where the format tells
  /// cheaply, rows. Error 58P01 when nothing is there.
  virtual std::vector<data::FragmentInfo> list_external(const data::TableSource& source) = 0;
  /// Column list of an external source that was declared without one. Error naming the file when it cannot be told.
  virtual data::Schema infer_schema(const data::TableSource& source) = 0;

  /// Lets go of managed files that no scan uses and that have been removed, so that their space is freed: for whoever
  /// deletes files. May block (one stat a file).
  virtual void release_removed() {}
};

}  // namespace tajo::storage
