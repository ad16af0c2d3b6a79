#include <arrow/io/file.h>
#include <arrow/json/options.h>
#include <arrow/json/reader.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "arrow/batch_reader.hpp"
#include "arrow/convert.hpp"
#include "source.hpp"

namespace tajo::storage {
namespace {

using arrow_in::check;
using arrow_in::guarded;

constexpr std::uint64_t kGuessedRowBytes = 128;
constexpr std::int32_t kReadBytes = 4 << 20;

/// What a column is parsed as by Arrow; the rest is read as text and parsed by us.
std::shared_ptr<arrow::DataType> json_type(const data::Type& type) {
  switch (type.id) {
    case data::TypeId::kBool: return arrow::boolean();
    case data::TypeId::kInt1: return arrow::int8();
    case data::TypeId::kInt2: return arrow::int16();
    case data::TypeId::kInt4: return arrow::int32();
    case data::TypeId::kInt8: return arrow::int64();
    case data::TypeId::kFloat4: return arrow::float32();
    case data::TypeId::kFloat8: return arrow::float64();
    case data::TypeId::kDecimal: return arrow::decimal128(type.precision, type.scale);
    default: return arrow::utf8();
  }
}

std::shared_ptr<arrow::json::StreamingReader> open_json(const std::string& path, std::shared_ptr<arrow::Schema> schema) {
  auto file = arrow::io::ReadableFile::Open(path);
  check(file.status(), path);
  auto read = arrow::json::ReadOptions::Defaults();
  read.use_threads = false;
  read.block_size = kReadBytes;
  auto parse = arrow::json::ParseOptions::Defaults();
  parse.explicit_schema = std::move(schema);
  if (parse.explicit_schema) parse.unexpected_field_behavior = arrow::json::UnexpectedFieldBehavior::Ignore;
  auto reader = arrow::json::StreamingReader::Make(*file, read, parse);
  check(reader.status(), path);
  return *reader;
}

/// One object a line; a file is one split.
class JsonFormat : public ExternalFormat {
 public:
  std::vector<data::Split> splits(const ScanRequest& request, std::uint32_t index, std::uint64_t) override {
    std::uint64_t bytes = request.fragments[index].bytes;
    if (bytes == 0) return {};
    return {{index, 0, 1, bytes / kGuessedRowBytes + 1}};
  }

  std::unique_ptr<SplitReader> open(const std::shared_ptr<const ScanRequest>& request, const data::Split& split) override {
    std::string path = request->fragments[split.fragment].path;
    return guarded(path, [&] {
      std::vector<std::shared_ptr<arrow::Field>> fields;
      for (std::uint32_t c : request->columns) {
        const data::Column& column = request->source.schema.columns[c];
        fields.push_back(arrow::field(column.name, json_type(column.type)));
      }
      auto reader = open_json(path, arrow::schema(std::move(fields)));
      auto next = [reader, path]() -> std::shared_ptr<arrow::RecordBatch> {
        std::shared_ptr<arrow::RecordBatch> batch;
        check(reader->ReadNext(&batch), path);
        return batch;
      };
      return arrow_in::make_batch_reader(request, split, std::move(next), 0, request->fragments[split.fragment].bytes);
    });
  }

  data::Schema infer(const data::TableSource&, const std::string& path) override {
    return guarded(path, [&] { return arrow_in::schema_of(*open_json(path, nullptr)->schema(), path); });
  }

  std::vector<std::string> suffixes() const override { return {".json", ".jsonl", ".ndjson"}; }
};

}  // namespace

std::unique_ptr<ExternalFormat> make_json_format() { return std::make_unique<JsonFormat>(); }

}  // namespace tajo::storage
