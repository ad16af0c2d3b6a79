#include <arrow/adapters/orc/adapter.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "arrow/batch_reader.hpp"
#include "arrow/convert.hpp"
#include "source.hpp"

namespace tajo::storage {
namespace {

using arrow::adapters::orc::ORCFileReader;
using arrow_in::check;
using arrow_in::guarded;

/// The library throws from where the format's own reader has no check.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> read_stripe(ORCFileReader& reader, std::int64_t stripe, const std::vector<std::string>& names) {
  try {
    return reader.ReadStripe(stripe, names);
  } catch (const std::bad_alloc&) {
    return arrow::Status::OutOfMemory("a stripe");
  } catch (const std::exception& e) {
    return arrow::Status::IOError(e.what());
  }
}

/// `stripe 2, column "b": `, found by reading the columns one by one; without a column when each can be read.
std::string place_of_damage(ORCFileReader& reader, std::int64_t stripe, const std::vector<std::string>& names) {
  const std::string place = "stripe " + std::to_string(stripe);
  for (const std::string& name : names)
    if (!read_stripe(reader, stripe, {name}).ok()) return place + ", column \"" + name + "\": ";
  return place + ": ";
}

/// Stripes are the blocks.
class OrcFormat : public ExternalFormat {
 public:
  std::vector<data::Split> splits(const ScanRequest& request, std::uint32_t index, std::uint64_t target_rows) override {
    const std::string& path = request.fragments[index].path;
    auto reader = open_orc(path);
    return guarded(path, [&] {
      std::vector<data::Split> out;
      data::Split split{index, 0, 0, 0};
      for (std::int64_t s = 0; s < reader->NumberOfStripes(); ++s) {
        if (split.rows >= target_rows) {
          out.push_back(split);
          split = {index, static_cast<std::uint32_t>(s), 0, 0};
        }
        ++split.blocks;
        split.rows += static_cast<std::uint64_t>(reader->GetStripeInformation(s).num_rows);
      }
      if (split.blocks > 0) out.push_back(split);
      return out;
    });
  }

  std::unique_ptr<SplitReader> open(const std::shared_ptr<const ScanRequest>& request, const data::Split& split) override {
    std::string path = request->fragments[split.fragment].path;
    std::shared_ptr<ORCFileReader> reader = open_orc(path);
    return guarded(path, [&] {
      auto schema = schema_of(*reader, path);
      std::vector<std::string> names;
      for (std::uint32_t c : request->columns) {
        const std::string& name = request->source.schema.columns[c].name;
        int field = arrow_in::find_field(*schema, name);
        if (field < 0) throw Error(sqlstate::kUndefinedColumn, "file \"" + path + "\" has no column \"" + name + "\"");
        names.push_back(schema->field(field)->name());
      }
      std::uint64_t first_row = 0;
      std::uint64_t bytes = 0;
      std::int64_t end = std::min<std::int64_t>(reader->NumberOfStripes(), std::int64_t{split.first_block} + split.blocks);
      for (std::int64_t s = 0; s < end; ++s) {
        auto info = reader->GetStripeInformation(s);
        if (s < split.first_block) {
          first_row += static_cast<std::uint64_t>(info.num_rows);
        } else {
          bytes += static_cast<std::uint64_t>(info.length);
        }
      }
      auto next = [reader, names, path, end, s = std::int64_t{split.first_block}]() mutable -> std::shared_ptr<arrow::RecordBatch> {
        if (s >= end) return nullptr;
        auto batch = read_stripe(*reader, s, names);
        if (!batch.ok()) check(batch.status().WithMessage(place_of_damage(*reader, s, names), batch.status().message()), path);
        ++s;
        return *batch;
      };
      return arrow_in::make_batch_reader(request, split, std::move(next), first_row, bytes);
    });
  }

  data::Schema infer(const data::TableSource&, const std::string& path) override {
    auto reader = open_orc(path);
    return guarded(path, [&] { return arrow_in::schema_of(*schema_of(*reader, path), path); });
  }

  bool count_rows(const data::TableSource&, const std::string& path, std::uint64_t& rows) override {
    rows = static_cast<std::uint64_t>(open_orc(path)->NumberOfRows());
    return true;
  }

  std::vector<std::string> suffixes() const override { return {".orc"}; }

 private:
  static std::unique_ptr<ORCFileReader> open_orc(const std::string& path) {
    return guarded(path, [&] {
      auto file = arrow::io::ReadableFile::Open(path);
      check(file.status(), path);
      auto reader = ORCFileReader::Open(*file, arrow::default_memory_pool());
      check(reader.status(), path);
      return std::move(*reader);
    });
  }

  static std::shared_ptr<arrow::Schema> schema_of(ORCFileReader& reader, const std::string& path) {
    auto schema = reader.ReadSchema();
    check(schema.status(), path);
    return *schema;
  }
};

}  // namespace

std::unique_ptr<ExternalFormat> make_orc_format() { return std::make_unique<OrcFormat>(); }

}  // namespace tajo::storage
