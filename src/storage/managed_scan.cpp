#include "managed_scan.hpp"

#include <algorithm>

#include "io_error.hpp"
#include "prune.hpp"
#include "tajo/data/batch_codec.hpp"

namespace tajo::storage {
namespace {

ColumnRange fragment_range(const data::FragmentInfo& fragment, std::uint32_t column) {
  ColumnRange r;
  if (column >= fragment.columns.size() || fragment.unknown_rows) return r;
  const data::ColumnStatistics& s = fragment.columns[column];
  r.known = true;
  r.min = s.min;
  r.max = s.max;
  r.nulls = s.nulls;
  r.rows = fragment.rows;
  r.has_values = s.nulls < fragment.rows;
  return r;
}

ColumnRange block_range(const hdf5::Toc& toc, std::uint32_t column, std::uint32_t block) {
  ColumnRange r;
  if (column >= toc.columns.size()) return r;
  const hdf5::TocBlock& b = toc.columns[column].blocks[block];
  r.known = true;
  r.min = b.min;
  r.max = b.max;
  r.nulls = b.nulls;
  r.rows = std::min<std::uint64_t>(data::kBlockRows, toc.rows - std::uint64_t{block} * data::kBlockRows);
  r.has_values = b.has_values;
  return r;
}

bool block_may_match(const ScanRequest& request, const hdf5::Toc& toc, std::uint32_t block) {
  return may_match(request.filters, [&](std::uint32_t position) {
    return position < request.columns.size() ? block_range(toc, request.columns[position], block) : ColumnRange{};
  });
}

bool fragment_may_match(const ScanRequest& request, const data::FragmentInfo& fragment) {
  return may_match(request.filters, [&](std::uint32_t position) {
    return position < request.columns.size() ? fragment_range(fragment, request.columns[position]) : ColumnRange{};
  });
}

/// The file must hold the table's columns; a table's schema never changes under its fragments.
void check_schema(const hdf5::ManagedFile& file, const data::Schema& schema) {
  const hdf5::Toc& toc = file.toc();
  if (toc.columns.size() != schema.columns.size())
    throw corrupt(file.path(), "it has " + std::to_string(toc.columns.size()) + " columns, the table has " +
                                   std::to_string(schema.columns.size()));
  for (std::size_t i = 0; i < toc.columns.size(); ++i)
    if (data::physical_of(toc.columns[i].type) != data::physical_of(schema.columns[i].type))
      throw corrupt(file.path(), "column \"" + toc.columns[i].name + "\" is " + data::type_name(toc.columns[i].type) +
                                     ", the table's is " + data::type_name(schema.columns[i].type));
}

class ManagedReader : public SplitReader {
 public:
  ManagedReader(std::shared_ptr<const ScanRequest> request, std::shared_ptr<const hdf5::ManagedFile> file,
                const data::Split& split)
      : request_(std::move(request)), file_(std::move(file)), fragment_(split.fragment) {
    std::uint64_t rows = file_->toc().rows;
    row_ = std::min(rows, std::uint64_t{split.first_block} * data::kBlockRows);
    end_ = std::min(rows, row_ + std::uint64_t{split.blocks} * data::kBlockRows);
  }

  bool next(data::Batch& out) override {
    // Also what the batch before was made of may have turned into zero pages meanwhile.
    file_->check_intact();
    if (!enter_block()) return false;
    auto rows = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(data::kVectorRows, std::min(end_, block_end_) - row_));
    arena_.reset();
    out.arena = &arena_;
    out.rows = rows;
    out.selection = {nullptr, rows};
    out.first_row_id = std::uint64_t{fragment_} << 40 | row_;
    out.columns.resize(request_->columns.size());
    for (std::size_t i = 0; i < request_->columns.size(); ++i) out.columns[i] = view(request_->columns[i], rows);
    row_ += rows;
    return true;
  }

  std::uint64_t bytes_read() const override { return bytes_; }

 private:
  /// At the start of a block: skips those the filters exclude, checks the next.
  bool enter_block() {
    while (row_ < end_ && row_ >= block_end_) {
      auto block = static_cast<std::uint32_t>(row_ / data::kBlockRows);
      block_end_ = (std::uint64_t{block} + 1) * data::kBlockRows;
      if (!request_->filters.empty() && !block_may_match(*request_, file_->toc(), block)) {
        row_ = block_end_;
        continue;
      }
      for (std::uint32_t column : request_->columns) {
        file_->touch(column, block);
        bytes_ += file_->block_bytes(column, block);
      }
    }
    return row_ < end_;
  }

  data::Vector view(std::uint32_t column, std::uint32_t rows) {
    const hdf5::TocColumn& c = file_->toc().columns[column];
    data::Vector v;
    v.type = data::physical_of(c.type);
    if (const std::uint64_t* valid = file_->valid(column)) v.valid = valid + row_ / 64;
    if (c.encoding == hdf5::Encoding::kText) {
      v.form = data::Vector::Form::kFlat;
      v.data = c.wide_offsets ? texts<std::uint64_t>(column, rows) : texts<std::uint32_t>(column, rows);
      return v;
    }
    v.stored = c.stored;
    v.data = file_->values(column) + row_ * data::stored_width(c.stored);
    v.has_null_value = c.has_null_value;
    v.null_value = c.null_value;
    if (c.encoding == hdf5::Encoding::kDictionary) v.dictionary = file_->dictionary(column);
    v.form = c.encoding == hdf5::Encoding::kFixed && !c.has_null_value && is_flat(c.stored, v.type)
                 ? data::Vector::Form::kFlat
                 : data::Vector::Form::kStored;
    return v;
  }

  /// Bytes stay in the mapping; only the references are made.
  template <class O>
  const data::Str* texts(std::uint32_t column, std::uint32_t rows) {
    auto* out = arena_.array<data::Str>(rows);
    const O* offsets = reinterpret_cast<const O*>(file_->offsets(column)) + row_;
    const char* text = file_->text(column);
    for (std::uint32_t i = 0; i < rows; ++i)
      new (&out[i]) data::Str(std::string_view(text + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i])));
    return out;
  }

  /// The stored bytes are already what a flat vector holds.
  static bool is_flat(data::Stored stored, data::Physical type) {
    switch (type) {
      case data::Physical::kBool: return stored == data::Stored::kI8 || stored == data::Stored::kU8;
      case data::Physical::kI32: return stored == data::Stored::kI32;
      case data::Physical::kI64: return stored == data::Stored::kI64;
      case data::Physical::kI128: return stored == data::Stored::kI128;
      case data::Physical::kF32: return stored == data::Stored::kF32;
      case data::Physical::kF64: return stored == data::Stored::kF64;
      case data::Physical::kStr: return false;
    }
    return false;
  }

  std::shared_ptr<const ScanRequest> request_;
  std::shared_ptr<const hdf5::ManagedFile> file_;
  std::uint32_t fragment_;
  std::uint64_t row_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t block_end_ = 0;
  std::uint64_t bytes_ = 0;
  data::Arena arena_;
};

/// Rows that ride in the log: one split, one block of the batch codec.
class InlineReader : public SplitReader {
 public:
  InlineReader(std::shared_ptr<const ScanRequest> request, const data::Split& split)
      : request_(std::move(request)), fragment_(split.fragment),
        rows_(request_->fragments[split.fragment].inline_rows), reader_(ByteView(*rows_)), done_(split.blocks == 0) {}

  bool next(data::Batch& out) override {
    if (done_) return false;
    arena_.reset();
    all_.arena = &arena_;
    if (!reader_.next(all_)) {
      done_ = true;
      return false;
    }
    if (all_.columns.size() != request_->source.schema.columns.size())
      throw Error(sqlstate::kDataCorrupted, "an inline fragment has " + std::to_string(all_.columns.size()) +
                                                " columns, its table " +
                                                std::to_string(request_->source.schema.columns.size()));
    out.arena = &arena_;
    out.rows = all_.rows;
    out.selection = all_.selection;
    out.first_row_id = std::uint64_t{fragment_} << 40 | row_;
    out.columns.resize(request_->columns.size());
    for (std::size_t i = 0; i < request_->columns.size(); ++i) out.columns[i] = aligned(all_.columns[request_->columns[i]]);
    row_ += all_.rows;
    return true;
  }

  std::uint64_t bytes_read() const override { return row_ == 0 ? 0 : rows_->size(); }

 private:
  /// 128-bit values behind a validity bitmap need not be aligned in the block, operators want them so.
  data::Vector aligned(data::Vector v) {
    bool wide = v.type == data::Physical::kI128 && v.form == data::Vector::Form::kFlat;
    if (!wide || reinterpret_cast<std::uintptr_t>(v.data) % alignof(__int128) == 0) return v;
    auto* copy = arena_.array<__int128>(all_.rows);
    std::memcpy(copy, v.data, all_.rows * sizeof(__int128));
    v.data = copy;
    return v;
  }

  std::shared_ptr<const ScanRequest> request_;
  std::uint32_t fragment_;
  std::shared_ptr<const Bytes> rows_;
  data::BlockReader reader_;
  data::Arena arena_;
  data::Batch all_;
  std::uint64_t row_ = 0;
  bool done_;
};

}  // namespace

void managed_splits(const ScanRequest& request, std::uint32_t index, std::uint64_t target_rows,
                    const std::string& warehouse, FileCache& files, std::vector<data::Split>& out) {
  const data::FragmentInfo& fragment = request.fragments[index];
  if (fragment.rows == 0 || !fragment_may_match(request, fragment)) return;
  if (fragment.inline_rows) {
    out.push_back({index, 0, 1, fragment.rows});
    return;
  }
  auto blocks = static_cast<std::uint32_t>((fragment.rows + data::kBlockRows - 1) / data::kBlockRows);
  std::uint64_t per_split = std::max<std::uint64_t>(1, target_rows / data::kBlockRows);
  std::shared_ptr<const hdf5::ManagedFile> file;
  if (!request.filters.empty() && blocks > 1) {
    file = files.get(managed_path(warehouse, request.source, fragment), fragment.footer_digest);
    if (file->toc().rows != fragment.rows) throw corrupt(file->path(), "its number of rows is not the manifest's");
  }
  data::Split split{index, 0, 0, 0};
  for (std::uint32_t block = 0; block < blocks; ++block) {
    if (file && !block_may_match(request, file->toc(), block)) continue;
    bool extends = split.blocks > 0 && split.first_block + split.blocks == block && split.blocks < per_split;
    if (!extends) {
      if (split.blocks > 0) out.push_back(split);
      split = {index, block, 0, 0};
    }
    ++split.blocks;
    split.rows += std::min<std::uint64_t>(data::kBlockRows, fragment.rows - std::uint64_t{block} * data::kBlockRows);
  }
  if (split.blocks > 0) out.push_back(split);
}

std::unique_ptr<SplitReader> open_managed(const std::shared_ptr<const ScanRequest>& request, const data::Split& split,
                                          const std::string& warehouse, FileCache& files) {
  const data::FragmentInfo& fragment = request->fragments[split.fragment];
  auto file = files.get(managed_path(warehouse, request->source, fragment), fragment.footer_digest);
  check_schema(*file, request->source.schema);
  return std::make_unique<ManagedReader>(request, std::move(file), split);
}

std::unique_ptr<SplitReader> open_inline(const std::shared_ptr<const ScanRequest>& request, const data::Split& split) {
  return std::make_unique<InlineReader>(request, split);
}

}  // namespace tajo::storage
