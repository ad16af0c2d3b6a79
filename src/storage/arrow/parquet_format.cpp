#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include "arrow/batch_reader.hpp"
#include "arrow/convert.hpp"
#include "arrow/parquet_bounds.hpp"
#include "prune.hpp"
#include "source.hpp"

namespace tajo::storage {
namespace {

using arrow_in::check;
using arrow_in::guarded;

constexpr std::int64_t kReadRows = data::kBlockRows;
constexpr std::size_t kMaxFooters = 4096;

std::shared_ptr<arrow::io::RandomAccessFile> open_file(const std::string& path) {
  auto file = arrow::io::ReadableFile::Open(path);
  check(file.status(), path);
  return *file;
}

/// A file with its footer; one thread.
struct OpenParquet {
  std::string path;
  std::unique_ptr<parquet::arrow::FileReader> reader;
  std::shared_ptr<arrow::Schema> schema;
  const parquet::FileMetaData& footer() const { return *reader->parquet_reader()->metadata(); }
};

/// Where the next batch cannot be read, `done` rows of these row groups having been: the first of the chunks it needs that
/// cannot be read by itself. Empty when each can.
std::string place_of_damage(const OpenParquet& file, const std::vector<int>& groups, const std::vector<int>& columns, std::int64_t done) {
  std::int64_t first_row = 0;
  for (int g : groups) {
    const std::int64_t from = std::exchange(first_row, first_row + file.footer().RowGroup(g)->num_rows());
    if (first_row <= done) continue;
    if (from >= done + kReadRows) break;
    for (int c : columns) {
      auto readable = [&] {
        try {
          return file.reader->ReadRowGroup(g, {c}).ok();
        } catch (const parquet::ParquetException&) {
          return false;
        }
      };
      if (!readable()) return "row group " + std::to_string(g) + ", column \"" + file.footer().schema()->Column(c)->path()->ToDotString() + "\": ";
    }
  }
  return {};
}

class ParquetFormat : public ExternalFormat {
 public:
  std::vector<data::Split> splits(const ScanRequest& request, std::uint32_t index, std::uint64_t target_rows) override {
    OpenParquet file = open_parquet(request.fragments[index].path);
    return guarded(file.path, [&] {
      std::vector<data::Split> out;
      data::Split split{index, 0, 0, 0};
      for (int g = 0; g < file.footer().num_row_groups(); ++g) {
        auto group = file.footer().RowGroup(g);
        bool keep = may_match(request.filters, [&](std::uint32_t position) {
          if (position >= request.columns.size()) return ColumnRange{};
          const data::Column& column = request.source.schema.columns[request.columns[position]];
          return arrow_in::row_group_range(*group, *file.schema, column);
        });
        if (!keep || group->num_rows() == 0) continue;
        auto block = static_cast<std::uint32_t>(g);
        bool extends = split.blocks > 0 && split.first_block + split.blocks == block && split.rows < target_rows;
        if (!extends) {
          if (split.blocks > 0) out.push_back(split);
          split = {index, block, 0, 0};
        }
        ++split.blocks;
        split.rows += static_cast<std::uint64_t>(group->num_rows());
      }
      if (split.blocks > 0) out.push_back(split);
      return out;
    });
  }

  std::unique_ptr<SplitReader> open(const std::shared_ptr<const ScanRequest>& request, const data::Split& split) override {
    auto file = std::make_shared<OpenParquet>(open_parquet(request->fragments[split.fragment].path));
    return guarded(file->path, [&] {
      std::vector<int> columns;
      std::vector<int> coded;
      for (std::uint32_t c : request->columns) {
        const data::Column& column = request->source.schema.columns[c];
        int field = arrow_in::find_field(*file->schema, column.name);
        if (field < 0)
          throw Error(sqlstate::kUndefinedColumn, "file \"" + file->path + "\" has no column \"" + column.name + "\"");
        int leaf = arrow_in::leaf_of(file->footer(), file->schema->field(field)->name());
        columns.push_back(leaf);
        if (data::physical_of(column.type) == data::Physical::kStr && all_coded(file->footer(), leaf, split)) coded.push_back(leaf);
      }
      if (!coded.empty()) *file = open_parquet(file->path, coded);
      std::vector<int> groups;
      std::uint64_t first_row = 0;
      std::uint64_t bytes = 0;
      int end = std::min(file->footer().num_row_groups(), static_cast<int>(split.first_block + split.blocks));
      for (int g = 0; g < end; ++g) {
        auto group = file->footer().RowGroup(g);
        if (g < static_cast<int>(split.first_block)) {
          first_row += static_cast<std::uint64_t>(group->num_rows());
          continue;
        }
        groups.push_back(g);
        for (int c : columns) bytes += static_cast<std::uint64_t>(group->ColumnChunk(c)->total_compressed_size());
      }
      auto batches = file->reader->GetRecordBatchReader(groups, columns);
      check(batches.status(), file->path);
      std::shared_ptr<arrow::RecordBatchReader> reader = std::move(*batches);
      auto next = [file, reader, groups, columns, done = std::int64_t{0}]() mutable -> std::shared_ptr<arrow::RecordBatch> {
        std::shared_ptr<arrow::RecordBatch> batch;
        arrow::Status status;
        try {
          status = reader->ReadNext(&batch);
        } catch (const parquet::ParquetException& e) {
          status = arrow::Status::IOError(e.what());
        }
        if (!status.ok()) check(status.WithMessage(place_of_damage(*file, groups, columns, done), status.message()), file->path);
        if (batch) done += batch->num_rows();
        return batch;
      };
      return arrow_in::make_batch_reader(request, split, std::move(next), first_row, bytes);
    });
  }

  data::Schema infer(const data::TableSource&, const std::string& path) override {
    return arrow_in::schema_of(*open_parquet(path).schema, path);
  }

  bool count_rows(const data::TableSource&, const std::string& path, std::uint64_t& rows) override {
    rows = static_cast<std::uint64_t>(open_parquet(path).footer().num_rows());
    return true;
  }

  std::vector<std::string> suffixes() const override { return {".parquet", ".parq", ".pq"}; }

 private:
  struct Footer {
    std::int64_t bytes = 0;
    std::filesystem::file_time_type changed;
    std::shared_ptr<parquet::FileMetaData> metadata;
  };

  /// Whether the split's texts are dictionary codes throughout, so that they need not be spelt out.
  static bool all_coded(const parquet::FileMetaData& footer, int leaf, const data::Split& split) {
    if (footer.schema()->Column(leaf)->physical_type() != parquet::Type::BYTE_ARRAY) return false;
    int end = std::min(footer.num_row_groups(), static_cast<int>(split.first_block + split.blocks));
    for (int g = static_cast<int>(split.first_block); g < end; ++g) {
      auto group = footer.RowGroup(g);
      auto chunk = group->ColumnChunk(leaf);
      if (!chunk->has_dictionary_page() || chunk->encoding_stats().empty()) return false;
      for (const parquet::PageEncodingStats& stats : chunk->encoding_stats()) {
        bool data_page = stats.page_type == parquet::PageType::DATA_PAGE || stats.page_type == parquet::PageType::DATA_PAGE_V2;
        bool codes = stats.encoding == parquet::Encoding::PLAIN_DICTIONARY || stats.encoding == parquet::Encoding::RLE_DICTIONARY;
        if (data_page && !codes) return false;
      }
    }
    return true;
  }

  /// `coded`: leaves that are delivered as codes and dictionary.
  OpenParquet open_parquet(const std::string& path, const std::vector<int>& coded = {}) {
    return guarded(path, [&] {
      OpenParquet out;
      out.path = path;
      auto file = open_file(path);
      auto size = file->GetSize();
      check(size.status(), path);
      std::shared_ptr<parquet::FileMetaData> known;
      auto changed = std::filesystem::last_write_time(path);
      {
        std::lock_guard lock(mutex_);
        auto it = footers_.find(path);
        if (it != footers_.end() && it->second.bytes == *size && it->second.changed == changed) known = it->second.metadata;
      }
      auto raw = parquet::ParquetFileReader::Open(file, parquet::default_reader_properties(), known);
      auto metadata = raw->metadata();
      parquet::ArrowReaderProperties properties;
      properties.set_batch_size(kReadRows);
      for (int leaf : coded) properties.set_read_dictionary(leaf, true);
      properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
      auto made = parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(raw), properties);
      check(made.status(), path);
      out.reader = std::move(*made);
      check(out.reader->GetSchema(&out.schema), path);
      if (!known) {
        std::lock_guard lock(mutex_);
        if (footers_.size() >= kMaxFooters) footers_.clear();
        footers_[path] = {*size, changed, metadata};
      }
      return out;
    });
  }

  std::mutex mutex_;
  std::map<std::string, Footer> footers_;
};

}  // namespace

std::unique_ptr<ExternalFormat> make_parquet_format() { return std::make_unique<ParquetFormat>(); }

}  // namespace tajo::storage
