#include "arrow/batch_reader.hpp"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/status.h>

#include <algorithm>

#include "arrow/convert.hpp"
#include "io_error.hpp"

namespace tajo::storage::arrow_in {
namespace {

class BatchReader : public SplitReader {
 public:
  BatchReader(std::shared_ptr<const ScanRequest> request, const data::Split& split, NextBatch next,
              std::uint64_t first_row, std::uint64_t bytes)
      : request_(std::move(request)), path_(request_->fragments[split.fragment].path), fragment_(split.fragment),
        next_(std::move(next)), words_(request_->columns.size()), row_(first_row), bytes_(bytes) {}

  bool next(data::Batch& out) override {
    while (!batch_ || at_ >= batch_->num_rows()) {
      batch_ = guarded(path_, next_);
      if (!batch_) return false;
      at_ = 0;
      find_columns();
    }
    auto rows = static_cast<std::uint32_t>(std::min<std::int64_t>(data::kVectorRows, batch_->num_rows() - at_));
    arena_.reset();
    out.arena = &arena_;
    out.rows = rows;
    out.selection = {nullptr, rows};
    out.first_row_id = std::uint64_t{fragment_} << 40 | row_;
    out.columns.resize(request_->columns.size());
    for (std::size_t i = 0; i < request_->columns.size(); ++i) out.columns[i] = column(i, rows);
    at_ += rows;
    row_ += rows;
    return true;
  }

  std::uint64_t bytes_read() const override { return bytes_; }

 private:
  const data::Column& wanted(std::size_t i) const { return request_->source.schema.columns[request_->columns[i]]; }

  void find_columns() {
    fields_.clear();
    for (std::size_t i = 0; i < request_->columns.size(); ++i) {
      int field = find_field(*batch_->schema(), wanted(i).name);
      if (field < 0)
        throw Error(sqlstate::kUndefinedColumn, "file \"" + path_ + "\" has no column \"" + wanted(i).name + "\"");
      const arrow::DataType& type = *batch_->schema()->field(field)->type();
      if (!readable_as(type, wanted(i).type))
        throw Error("42804", "file \"" + path_ + "\": column \"" + wanted(i).name + "\" is " + type.ToString() +
                                 ", which cannot be read as " + data::type_name(wanted(i).type));
      fields_.push_back(field);
    }
  }

  data::Vector column(std::size_t i, std::uint32_t rows) {
    try {
      const arrow::Array& array = *batch_->column(fields_[i]);
      data::Vector v;
      if (words_[i].codes(array, at_, rows, wanted(i).type, arena_, v)) return v;
      return convert(array, at_, rows, wanted(i).type, arena_);
    } catch (const Error& e) {
      throw Error(e.sqlstate(), e.message() + " (file \"" + path_ + "\", column \"" + wanted(i).name + "\", rows from " +
                                    std::to_string(row_) + ")");
    }
  }

  std::shared_ptr<const ScanRequest> request_;
  std::string path_;
  std::uint32_t fragment_;
  NextBatch next_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::vector<int> fields_;
  std::vector<Words> words_;  // by delivered column
  std::int64_t at_ = 0;
  std::uint64_t row_;
  std::uint64_t bytes_;
  data::Arena arena_;
};

}  // namespace

std::unique_ptr<SplitReader> make_batch_reader(std::shared_ptr<const ScanRequest> request, const data::Split& split,
                                               NextBatch next, std::uint64_t first_row, std::uint64_t bytes) {
  return std::make_unique<BatchReader>(std::move(request), split, std::move(next), first_row, bytes);
}

namespace {
/// Arrow's messages end with, or hold, line ends.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (text.ends_with(' ')) text.pop_back();
  return text;
}
}  // namespace

void check(const arrow::Status& status, const std::string& path) {
  if (status.ok()) return;
  if (status.IsOutOfMemory()) throw Error(sqlstate::kOutOfMemory, "out of memory while reading \"" + path + "\"");
  throw corrupt(path, one_line(status.message()));
}

void rethrow_foreign(const std::string& path, const char* what) { throw corrupt(path, one_line(what)); }

}  // namespace tajo::storage::arrow_in
